import { Byte, equalsIgnoringCase, FIELD_VALUE, passOver, TOKEN } from './characters.ts';
import { MAX_LENGTH_DIGITS } from './field-facts.ts';
import { Framing, INCOMPLETE, MAX_FIELDS } from './request-head.ts';
import { Coding, withCoding } from './transfer-coding.ts';

/** The head is refused: the response is answered with 502 instead. */
export const BAD_RESPONSE = -1;

/**
 * A response head, checked as strictly as a request's: what a worker or server sends is not trusted with our client's
 * framing. One object is filled again and again.
 */
export class ResponseHead {
  status = 0;
  framing: Framing = Framing.None;
  /** Declared bytes of the body; -1 when none are declared. */
  contentLength = -1;
  /** There are codings beside chunked. */
  hasOtherCodings = false;
  /** The connection may serve another request after this response. */
  keepAlive = true;
  /** Field lines; more than {@link MAX_FIELDS} are counted, but not noted in the two tables below. */
  fields = 0;
  /** Offset of the first field line. */
  fieldsStart = 0;
  /** For each field line the offset of its first byte, and that of the colon after its name. */
  readonly fieldStarts: Int32Array = new Int32Array(MAX_FIELDS);
  readonly nameEnds: Int32Array = new Int32Array(MAX_FIELDS);

  #lengths = 0;
  #coding: Coding = Coding.None;
  #close = false;

  /**
   * Parses the head at the start of [from, to).
   *
   * @returns the offset after the empty line; {@link INCOMPLETE} when it does not end within [from, to) and may yet
   * become a good one; or {@link BAD_RESPONSE}.
   */
  parse(bytes: Buffer, from: number, to: number): number {
    this.framing = Framing.UntilClose;
    this.contentLength = -1;
    this.hasOtherCodings = false;
    this.#lengths = 0;
    this.#coding = Coding.None;
    this.#close = false;

    // "HTTP/1.1 200 " then a reason, RFC 9112 section 4.
    let at = from;
    if (to - at < 13) return mayBecomeStatusLine(bytes, at, to) ? INCOMPLETE : BAD_RESPONSE;
    if (!startsWithVersion(bytes, at)) return BAD_RESPONSE;
    const hundreds = bytes[at + 9]! - 0x30;
    const tens = bytes[at + 10]! - 0x30;
    const ones = bytes[at + 11]! - 0x30;
    if (hundreds < 1 || hundreds > 9 || tens < 0 || tens > 9 || ones < 0 || ones > 9) return BAD_RESPONSE;
    this.status = hundreds * 100 + tens * 10 + ones;
    this.keepAlive = bytes[at + 7] === 0x31;
    at += 12;
    if (bytes[at] === Byte.Space) {
      at++;
      at = passOver(FIELD_VALUE, bytes, at, to);
    }
    if (at + 1 >= to) return at === to || bytes[at] === Byte.Cr ? INCOMPLETE : BAD_RESPONSE;
    if (bytes[at] !== Byte.Cr || bytes[at + 1] !== Byte.Lf) return BAD_RESPONSE;
    at += 2;

    this.fields = 0;
    this.fieldsStart = at;
    for (;;) {
      if (at + 1 >= to) {
        return at === to || bytes[at] === Byte.Cr || TOKEN[bytes[at]!] === 1 ? INCOMPLETE : BAD_RESPONSE;
      }
      if (bytes[at] === Byte.Cr) {
        if (bytes[at + 1] !== Byte.Lf) return BAD_RESPONSE;
        at += 2;
        break;
      }
      const nameStart = at;
      while (at < to && TOKEN[bytes[at]!] === 1) at++;
      if (at >= to) return INCOMPLETE;
      if (at === nameStart || bytes[at] !== Byte.Colon) return BAD_RESPONSE;
      const nameEnd = at++;
      while (at < to && (bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
      const valueStart = at;
      at = passOver(FIELD_VALUE, bytes, at, to);
      if (at + 1 >= to) return at === to || bytes[at] === Byte.Cr ? INCOMPLETE : BAD_RESPONSE;
      if (bytes[at] !== Byte.Cr || bytes[at + 1] !== Byte.Lf) return BAD_RESPONSE;
      if (!this.#field(bytes, nameStart, nameEnd, valueStart, at)) return BAD_RESPONSE;
      if (this.fields < MAX_FIELDS) {
        this.fieldStarts[this.fields] = nameStart;
        this.nameEnds[this.fields] = nameEnd;
      }
      this.fields++;
      at += 2;
    }
    if (this.#coding !== Coding.None) {
      // RFC 9112 section 6.3 rule 3: a length beside a coding is an attempt at splitting, or looks like one. Section
      // 6.1: so does a coding in HTTP/1.0.
      if (this.#lengths > 0 || bytes[from + 7] === 0x30) return BAD_RESPONSE;
      if (this.#coding !== Coding.Chunked && this.#coding !== Coding.ThenChunked) return BAD_RESPONSE;
      this.framing = Framing.Chunked;
      this.hasOtherCodings = this.#coding === Coding.ThenChunked;
    } else if (this.contentLength >= 0) {
      this.framing = Framing.Length;
    }
    if (this.#close) this.keepAlive = false;
    return at;
  }

  #field(bytes: Buffer, nameStart: number, nameEnd: number, start: number, end: number): boolean {
    const first = bytes[nameStart]! | 0x20;
    switch (nameEnd - nameStart) {
      case 10:
        if (first === 0x63 && equalsIgnoringCase(bytes, nameStart, 'connection')) {
          if (includesToken(bytes, start, end, 'close')) this.#close = true;
          // HTTP/1.0 answers are kept open only where they say so.
          else if (!this.keepAlive && includesToken(bytes, start, end, 'keep-alive')) this.keepAlive = true;
        }
        return true;
      case 14:
        if (first === 0x63 && equalsIgnoringCase(bytes, nameStart, 'content-length')) {
          return this.#length(bytes, start, end);
        }
        return true;
      case 17:
        if (first === 0x74 && equalsIgnoringCase(bytes, nameStart, 'transfer-encoding')) {
          this.#coding = withCoding(this.#coding, bytes, start, end);
        }
        return true;
      default:
        return true;
    }
  }

  #length(bytes: Buffer, start: number, end: number): boolean {
    const last = trimEnd(bytes, start, end);
    // RFC 9110 section 8.6: a repeated length, equal or not, is not passed on.
    if (++this.#lengths > 1 || last === start || last - start > MAX_LENGTH_DIGITS) return false;
    let length = 0;
    for (let at = start; at < last; at++) {
      const digit = bytes[at]! - 0x30;
      if (digit < 0 || digit > 9) return false;
      length = length * 10 + digit;
    }
    this.contentLength = length;
    return true;
  }
}

/** `HTTP/1.0 ` or `HTTP/1.1 `. */
function startsWithVersion(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === Byte.Slash &&
    bytes[at + 5] === 0x31 &&
    bytes[at + 6] === 0x2e &&
    (bytes[at + 7] === 0x31 || bytes[at + 7] === 0x30) &&
    bytes[at + 8] === Byte.Space
  );
}

/** True while [at, to), shorter than a status line can be, may still become one. */
function mayBecomeStatusLine(bytes: Buffer, at: number, to: number): boolean {
  for (let i = 0; at + i < to; i++) {
    const byte = bytes[at + i]!;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (
      i < 9
        ? i === 7
          ? byte !== 0x30 && byte !== 0x31
          : byte !== VERSION.charCodeAt(i)
        : i < 12
          ? !isDigit
          : byte !== Byte.Space && byte !== Byte.Cr
    ) {
      return false;
    }
  }
  return true;
}
const VERSION = 'HTTP/1.1 ';

function trimEnd(bytes: Buffer, start: number, end: number): number {
  let last = end;
  while (last > start && (bytes[last - 1] === Byte.Space || bytes[last - 1] === Byte.Tab)) last--;
  return last;
}

function includesToken(bytes: Buffer, start: number, end: number, token: string): boolean {
  for (let at = start; at + token.length <= end; at++) {
    const atStart = at === start || TOKEN[bytes[at - 1]!] !== 1;
    const after = at + token.length;
    if (atStart && (after === end || TOKEN[bytes[after]!] !== 1) && equalsIgnoringCase(bytes, at, token)) return true;
  }
  return false;
}
