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

/** Of how many readings the closest is taken: this process may be held up between two calls. */
const READINGS = 8;

const ORIGIN_MS = originMs();

/** ms since a moment that is the same for all processes of the machine: clock_gettime(2), CLOCK_MONOTONIC. */
export function monotonicMs(): number {
  return ORIGIN_MS + now();
}

/** The same of a moment by a {@link Clock} of this thread. */
export function toMonotonicMs(threadMs: number): number {
  return ORIGIN_MS + threadMs;
}

function originMs(): number {
  let origin = 0;
  let closest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < READINGS; i++) {
    const before = now();
    const systemMs = Number(process.hrtime.bigint()) / 1e6;
    const after = now();
    if (after - before >= closest) continue;
    closest = after - before;
    origin = systemMs - (before + after) / 2;
  }
  return origin;
}
