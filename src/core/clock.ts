/**
 * Monotonic time of one thread, as of the last event that it was told of. Reading it costs nothing; asking the system for
 * every request and every frame would.
 */
export class Clock {
  /** ms since some moment before the thread began. */
  nowMs: number = performance.now();

  /** To be called where an event comes in from outside. */
  tick(): number {
    this.nowMs = performance.now();
    return this.nowMs;
  }
}

/** Taken when this was loaded: apps replace it in their tests. */
const now = performance.now.bind(performance);

const ORIGIN_MS = Number(process.hrtime.bigint()) / 1e6 - now();

/** ms since a moment that is the same for all processes of the machine: clock_gettime(2), CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  return ORIGIN_MS + now();
}
