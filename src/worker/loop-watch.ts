import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** The sampling timer of the delay. A loop that is held up for less goes unseen now and then. ms */
const RESOLUTION_MS = 20;
/** What was measured holds for so long, so that beats of several threads and signs of life ask for little. */
const FRESH_MS = 200;

/** How busy this process's event loop is. Costs a timer of Node's own every 20 ms, and nothing before it is first asked. */
export class LoopWatch {
  /** Thousandths of late in which the loop was busy. */
  busyPerMille = 0;
  /** Longest delay of late. µs */
  delayUs = 0;
  #delays: IntervalHistogram | null = null;
  #lookedAtMs = 0;
  #before = performance.eventLoopUtilization();

  /** Brings the numbers up to date. "Late" is since it was last done. */
  look(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < FRESH_MS) return;
    this.#lookedAtMs = nowMs;
    const now = performance.eventLoopUtilization();
    this.busyPerMille = Math.round(performance.eventLoopUtilization(now, this.#before).utilization * 1000);
    this.#before = now;
    const delays = this.#delays;
    if (delays === null) {
      this.#delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#delays.enable();
      return;
    }
    // What is recorded is the time between two ticks of that timer.
    this.delayUs = delays.count === 0 ? 0 : Math.max(0, Math.round(delays.max / 1000) - RESOLUTION_MS * 1000);
    delays.reset();
  }
}
