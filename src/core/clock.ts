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
