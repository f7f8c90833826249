import { Byte, equalsIgnoringCase, TOKEN } from './characters.ts';

/** What the Transfer-Encoding fields of a head say together, RFC 9112 section 6.1. */
export const Coding = {
  None: 0,
  /** chunked, once, and nothing else. */
  Chunked: 1,
  /** Other codings, and chunked once and last. */
  ThenChunked: 2,
  /** Other codings only. */
  Other: 3,
  /** No list of bare names, or chunked in another place than the last: nobody can tell where the body ends. */
  Malformed: 4,
} as const;
export type Coding = (typeof Coding)[keyof typeof Coding];

/**
 * Adds what the value in [start, end) says to what the fields before it said. Parameters, which no coding has, and
 * empty elements are malformed: they are how one side is made to see a coding that the other does not.
 */
export function withCoding(before: Coding, bytes: Buffer, start: number, end: number): Coding {
  let coding = before;
  let at = start;
  for (;;) {
    at = skipBlanks(bytes, at, end);
    const name = at;
    while (at < end && TOKEN[bytes[at]!] === 1) at++;
    if (at === name) return Coding.Malformed;
    coding = withName(coding, at - name === 7 && equalsIgnoringCase(bytes, name, 'chunked'));
    at = skipBlanks(bytes, at, end);
    if (at === end) return coding;
    if (bytes[at++] !== Byte.Comma) return Coding.Malformed;
  }
}

function withName(before: Coding, isChunked: boolean): Coding {
  switch (before) {
    case Coding.None:
      return isChunked ? Coding.Chunked : Coding.Other;
    case Coding.Other:
      return isChunked ? Coding.ThenChunked : Coding.Other;
    default:
      return Coding.Malformed;
  }
}

function skipBlanks(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && (bytes[at] === Byte.Space || bytes[at] === Byte.Tab)) at++;
  return at;
}
