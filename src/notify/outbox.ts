import type { Notice } from './notice.ts';
import type { Delivery, Notifier } from './notifier.ts';

export interface OutboxLimits {
  /** Notices that wait; of more the oldest goes. */
  readonly capacity: number;
  /** First pause after a failure; doubles. ms */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** A notice that could not be delivered for so long is given up. ms */
  readonly deadlineMs: number;
}

export const OUTBOX_LIMITS: OutboxLimits = Object.freeze({
  capacity: 64,
  firstPauseMs: 1_000,
  longestPauseMs: 60_000,
  deadlineMs: 600_000,
});

export interface OutboxHost {
  /** The receiver takes nothing. Once, until something has been delivered or the reason is of another sort. */
  troubled(notifier: Notifier, reason: string, isRetried: boolean): void;
  /** It takes notices again. @param lost notices that it never got since it last did */
  recovered(notifier: Notifier, lost: number): void;
}

interface Waiting {
  readonly notice: Notice;
  readonly sinceMs: number;
}

/**
 * What one receiver is still to get, in order. Nobody waits for it: it tries, pauses, tries again, and in the end gives
 * up; its timers keep no process alive.
 */
export class Outbox {
  readonly notifier: Notifier;
  readonly #host: OutboxHost;
  readonly #limits: OutboxLimits;
  readonly #abort = new AbortController();
  #waiting: Waiting[] = [];
  #isRunning = false;
  #isLast = false;
  #endPause: () => void = () => {};
  #trouble: Delivery['result'] | null = null;
  #lost = 0;
  /** Of those, how many have been told. */
  #toldLost = 0;

  constructor(notifier: Notifier, host: OutboxHost, limits: OutboxLimits = OUTBOX_LIMITS) {
    this.notifier = notifier;
    this.#host = host;
    this.#limits = limits;
  }

  get isIdle(): boolean {
    return !this.#isRunning;
  }

  /** Notices that were given up, were refused or had no room. */
  get lost(): number {
    return this.#lost;
  }

  put(notice: Notice): void {
    if (this.#abort.signal.aborted) return;
    this.#waiting.push({ notice, sinceMs: performance.now() });
    if (this.#waiting.length > this.#limits.capacity) {
      // The very first is under way.
      this.#waiting.splice(this.#isRunning ? 1 : 0, 1);
      this.#lost++;
    }
    if (!this.#isRunning) void this.#run();
  }

  /** Gives each that waits one more try. Resolves when all have had it, or after the limit; then it is closed. */
  async flush(limitMs: number): Promise<void> {
    this.#isLast = true;
    this.#endPause();
    const end = performance.now() + limitMs;
    // This timer does keep the process: it is what the end waits for.
    while (this.#isRunning && performance.now() < end) await pause(10);
    this.close();
  }

  /** Drops what waits. */
  close(): void {
    this.#waiting = [];
    this.#abort.abort();
    this.#endPause();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let failures = 0; this.#waiting.length > 0; ) {
      const first = this.#waiting[0]!;
      const delivery = await this.notifier.deliver(first.notice, this.#abort.signal);
      if (this.#abort.signal.aborted) break;
      const isLate = performance.now() - first.sinceMs >= this.#limits.deadlineMs;
      if (delivery.result === 'failed' && !this.#isLast && !isLate) {
        this.#tellTrouble(delivery.result, delivery.reason);
        await this.#pause(this.#pauseMs(failures++, delivery.retryAfterMs));
        continue;
      }
      failures = 0;
      this.#waiting.shift();
      if (delivery.result === 'delivered') this.#tellRecovery();
      else {
        this.#lost++;
        this.#tellTrouble(delivery.result, delivery.reason);
      }
    }
    this.#isRunning = false;
  }

  /** Full jitter: anything up to a bound that doubles, so that many senders spread. */
  #pauseMs(failures: number, askedMs: number | null): number {
    const { firstPauseMs, longestPauseMs } = this.#limits;
    const jittered = Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 30));
    return Math.max(jittered, askedMs ?? 0);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isLast) this.#endPause();
    });
  }

  #tellTrouble(result: 'failed' | 'refused', reason: string): void {
    if (this.#trouble === result) return;
    this.#trouble = result;
    this.#host.troubled(this.notifier, reason, result === 'failed');
  }

  #tellRecovery(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    this.#host.recovered(this.notifier, this.#lost - this.#toldLost);
    this.#toldLost = this.#lost;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
