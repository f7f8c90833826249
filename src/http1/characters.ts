/** Which bytes may stand where. Tables of 256, 1 = allowed. */

/** tchar, RFC 9110 section 5.6.2. */
export const TOKEN: Uint8Array = table((byte) => {
  const char = String.fromCharCode(byte);
  return /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char);
});

/** field-vchar, SP and HTAB, RFC 9110 section 5.5; obs-text (0x80 and up) passes unchanged. */
export const FIELD_VALUE: Uint8Array = table((byte) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f));

/**
 * What a request-target may hold: visible ASCII but `#` (a fragment is never sent, RFC 9112 section 3.2). Node refuses
 * bytes of 0x80 and up as well.
 */
export const TARGET: Uint8Array = table((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x23);

/**
 * reg-name and IPv4 address, RFC 3986 section 3.2.2, but for percent-encodings. No comma either, though the grammar has
 * one: no host's name holds it, and it is what two Host fields look like once somebody has joined them.
 */
export const REG_NAME: Uint8Array = table((byte) => /[A-Za-z0-9\-._~!$&'()*+;=]/.test(String.fromCharCode(byte)));

/** Value of a hex digit, 255 for any other byte. */
export const HEX: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 255 : value;
});

export const Byte = {
  Tab: 0x09,
  Lf: 0x0a,
  Cr: 0x0d,
  Space: 0x20,
  Percent: 0x25,
  Comma: 0x2c,
  Slash: 0x2f,
  Colon: 0x3a,
  Semicolon: 0x3b,
  Question: 0x3f,
  BracketOpen: 0x5b,
  BracketClose: 0x5d,
} as const;

/**
 * Where the first byte of [from, to) stands that the table does not allow; `to` where there is none. Four at a time, which
 * takes a fifth off parsing a browser's head.
 */
export function passOver(allowed: Uint8Array, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const last = to - 3;
  while (
    at < last &&
    (allowed[bytes[at]!]! & allowed[bytes[at + 1]!]! & allowed[bytes[at + 2]!]! & allowed[bytes[at + 3]!]!) === 1
  ) {
    at += 4;
  }
  while (at < to && allowed[bytes[at]!] === 1) at++;
  return at;
}

/** Compares bytes with a lower-case ASCII word, ignoring the case of letters. The length is the caller's to check. */
export function equalsIgnoringCase(bytes: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const byte = bytes[start + i]!;
    const wanted = word.charCodeAt(i);
    if (byte !== wanted && (byte < 0x41 || byte > 0x5a || (byte | 0x20) !== wanted)) return false;
  }
  return true;
}

function table(allows: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => (allows(byte) ? 1 : 0));
}
