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

/** How often the balancer asks whether a worker's event loop turns. */
export const BEAT_MS = 250;

/** Beats that may go unanswered before a worker counts as stalled. */
export const MISSED_BEATS = 2;

/**
 * Nothing is taken back from a worker before its beat has been unanswered for so long, which saves it looking into the file
 * while its last beat is younger than {@link FRESH_MS}. Less than two beats, since timers may be a little early.
 */
export const REVOKED_AFTER_MS: number = MISSED_BEATS * BEAT_MS - 20;

/** The difference is for clocks that are read a little apart. */
const FRESH_MS: number = REVOKED_AFTER_MS - 40;

/** Whether a beat that was sent then (32 bits of `monotonicMs`) was sent so lately that nothing can have been taken back since. */
export function isFresh(sentAtMs: number, nowMs: number): boolean {
  const ageMs = (Math.floor(nowMs) - sentAtMs) | 0;
  return ageMs >= 0 && ageMs < FRESH_MS;
}
