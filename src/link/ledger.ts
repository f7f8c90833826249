/**
 * What both ends of a link know of the file beside it, in which each tells the other something that must hold although the
 * worker dies, or its event loop does not turn. Numbers of streams, 32 bits, little endian.
 */
export const LEDGER_BYTES = 12;

/** The last stream that the balancer has taken back. */
export const LEDGER_REVOKED_AT = 0;

/** The last stream that the worker has begun, of those that it notes. */
export const LEDGER_BEGUN_AT = 4;

/**
 * The first of those streams of which it notes all, until it takes that back; 0 = of late it has noted only requests that
 * must not run twice.
 */
export const LEDGER_ALL_FROM = 8;

/** Numbers of streams are compared within half of their range; so many pass at most before a number in the file is set anew. */
export const STREAMS_PER_NOTE = 0x0fff_ffff;

/** How often the balancer asks whether a worker's event loop turns. */
export const BEAT_MS = 250;

/** Beats that may go unanswered before a worker counts as stalled. */
export const MISSED_BEATS = 2;

/**
 * A request that was not begun within this is taken back from a worker of which nothing has been heard for as long: by
 * then something else keeps its event loop. Nothing younger is, which saves the worker looking into the file before it
 * runs what was sent within {@link FRESH_MS}.
 */
export const REVOKED_AFTER_MS = 10;

/** The difference is for clocks that are read a little apart. */
const FRESH_MS: number = REVOKED_AFTER_MS - 5;

/** Whether what was sent then (32 bits of `monotonicMs`) was sent so lately that it cannot have been taken back. */
export function isFresh(sentAtMs: number, nowMs: number): boolean {
  const ageMs = (Math.floor(nowMs) - sentAtMs) | 0;
  return ageMs >= 0 && ageMs < FRESH_MS;
}
