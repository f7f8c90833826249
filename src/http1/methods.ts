import { METHODS } from 'node:http';
import { LLHTTP_METHODS } from './method-names.ts';

export const Method = { Delete: 0, Get: 1, Head: 2, Post: 3, Put: 4, Connect: 5, Options: 6, Trace: 7 } as const;

/** No method has this number. */
export const UNKNOWN_METHOD = 255;

/** Longest name in the list, in bytes; a longer token is unknown without a look. */
const MAX_METHOD_BYTES = 13;

// A Node that does not list a method answers it with 400; we answer 501 (RFC 9110 section 15.6.2) for the same ones.
const CODES: ReadonlyMap<string, number> = new Map(
  LLHTTP_METHODS.map((name, code) => [name, code] as const).filter(([name]) => METHODS.includes(name)),
);

/** Number of the method whose token stands in [start, end); {@link UNKNOWN_METHOD} when this Node does not know it. */
export function methodCode(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  // Nearly every request is one of these two.
  if (length === 3 && bytes[start] === 0x47 && bytes[start + 1] === 0x45 && bytes[start + 2] === 0x54) {
    return Method.Get;
  }
  if (length === 4 && bytes[start] === 0x50 && bytes[start + 1] === 0x4f && bytes[start + 2] === 0x53) {
    if (bytes[start + 3] === 0x54) return Method.Post;
  }
  if (length > MAX_METHOD_BYTES) return UNKNOWN_METHOD;
  return CODES.get(bytes.latin1Slice(start, end)) ?? UNKNOWN_METHOD;
}

/** Safe methods, RFC 9110 section 9.2.1, but TRACE, which nobody wants repeated. */
export function isSafe(code: number): boolean {
  return code === Method.Get || code === Method.Head || code === Method.Options;
}

/** RFC 9110 section 9.2.2: to run it twice is to run it once. */
export function isIdempotent(code: number): boolean {
  return isSafe(code) || code === Method.Trace || code === Method.Put || code === Method.Delete;
}
