/** All trailer lines of a message together. */
export const MAX_TRAILER_BYTES: number = 16 * 1024;

/** Trailer lines of a message; each costs two strings in the worker. */
export const MAX_TRAILERS = 200;

/** field-line, RFC 9112 section 5, with nothing folded. No two parts of it share a byte, so it takes linear time. */
const LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;

/**
 * Fields that say where a message ends or whom it is for. Behind a body they are too late for that: RFC 9110 section
 * 6.5.1 forbids to send them there, since whoever merges trailers into the head reads the next message elsewhere.
 */
const FORBIDDEN = /^(?:transfer-encoding|content-length|host):/im;

/** Lines that the decoder has checked: none of them may be one that belongs in a head. */
export function belongInTrailers(lines: string): boolean {
  return !FORBIDDEN.test(lines);
}

/** Lines that nobody has checked: they are trailer fields and nothing else, in latin1, each with its CRLF. */
export function areTrailers(lines: string): boolean {
  return lines.length <= MAX_TRAILER_BYTES && LINES.test(lines) && belongInTrailers(lines);
}
