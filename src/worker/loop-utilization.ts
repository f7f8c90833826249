import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Shorter spans say little, and are asked for often while requests wait. */
const SPAN_MS = 200;

/** How busy the event loop has been of late. */
export class LoopUtilization {
  #since: EventLoopUtilization = performance.eventLoopUtilization();
  #perMille = 0;

  /** Of the last span of 200 ms or more, 0-1000. */
  perMille(): number {
    const now = performance.eventLoopUtilization();
    if (now.idle + now.active - this.#since.idle - this.#since.active < SPAN_MS) return this.#perMille;
    this.#perMille = Math.round(performance.eventLoopUtilization(now, this.#since).utilization * 1000);
    this.#since = now;
    return this.#perMille;
  }
}
