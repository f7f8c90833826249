import { isIPv6 } from 'node:net';
import { Byte, HEX, REG_NAME } from './characters.ts';

/** What {@link hostEndOf} returns for what is no authority. */
export const BAD_AUTHORITY = -1;

const MAX_PORT = 65_535;

/** `v` and what some future version of IP may look like, RFC 3986 section 3.2.2. */
const FUTURE_ADDRESS = /^v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+$/i;

/**
 * Reads [start, end) as uri-host [":" port], RFC 9110 section 7.2 and RFC 3986 section 3.2: a registered name, an IPv4
 * address or a bracketed IPv6 one, which HTTP does not let be empty (RFC 9110 section 4.2.1), and digits. There is no
 * userinfo (RFC 9110 section 4.2.4). Whoever reads it more loosely than its neighbour sends requests to another site.
 *
 * @returns where the host ends, or {@link BAD_AUTHORITY}.
 */
export function hostEndOf(bytes: Buffer, start: number, end: number): number {
  const hostEnd = bytes[start] === Byte.BracketOpen ? literalEnd(bytes, start, end) : nameEnd(bytes, start, end);
  if (hostEnd <= start) return BAD_AUTHORITY;
  if (hostEnd === end) return hostEnd;
  if (bytes[hostEnd] !== Byte.Colon) return BAD_AUTHORITY;
  let port = 0;
  for (let at = hostEnd + 1; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return BAD_AUTHORITY;
    port = port * 10 + digit;
    if (port > MAX_PORT) return BAD_AUTHORITY;
  }
  return hostEnd;
}

/** Where a reg-name ends; BAD_AUTHORITY when it holds a broken percent-encoding. */
function nameEnd(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end) {
    if (REG_NAME[bytes[at]!] === 1) at++;
    else if (bytes[at] !== Byte.Percent) break;
    else if (at + 2 < end && HEX[bytes[at + 1]!] !== 255 && HEX[bytes[at + 2]!] !== 255) at += 3;
    else return BAD_AUTHORITY;
  }
  return at;
}

/** Where the bracketed address that begins here ends. */
function literalEnd(bytes: Buffer, start: number, end: number): number {
  const close = bytes.subarray(start, end).indexOf(Byte.BracketClose) + start;
  if (close < start) return BAD_AUTHORITY;
  const address = bytes.latin1Slice(start + 1, close);
  // A zone, which Node allows, means nothing to anybody but its host (RFC 9110 has no room for one).
  const isAddress = (isIPv6(address) && !address.includes('%')) || FUTURE_ADDRESS.test(address);
  return isAddress ? close + 1 : BAD_AUTHORITY;
}
