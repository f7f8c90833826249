import type { OutlierRules } from '../config/outlier.ts';
import { factsOf, Outcome } from '../core/outcome.ts';

/**
 * Failures in a row that come closer together than this are one: a server that is restarted resets all that it has in hand
 * at once, and is none the worse a moment later. ms
 */
const ONE_FAILURE_MS = 50;

/** What is known of one endpoint: how its requests ended. */
export class OutlierTally {
  /** Failures since its last success. */
  consecutive = 0;
  /** Of this interval. */
  good = 0;
  bad = 0;
  /** Of the answers whose time was measured. */
  measured = 0;
  #latencySumMs = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  /** Ejections in a row. */
  times = 0;
  /** Until when it is out; 0 = it is not. Monotonic ms, as the next one. */
  ejectedUntilMs = 0;
  /** Since when it has been in without another ejection, as far as {@link times} has been lessened for it. */
  goodSinceMs = 0;

  get total(): number {
    return this.good + this.bad;
  }

  /** Mean of this interval. */
  get latencyMs(): number {
    return this.#latencySumMs / this.measured;
  }

  answered(latencyMs: number): void {
    this.measured++;
    this.#latencySumMs += latencyMs;
  }

  succeeded(): void {
    this.good++;
    this.consecutive = 0;
  }

  failed(nowMs: number): void {
    this.bad++;
    if (nowMs - this.#failedAtMs < ONE_FAILURE_MS) return;
    this.#failedAtMs = nowMs;
    this.consecutive++;
  }

  /** The next interval begins. */
  next(): void {
    this.good = 0;
    this.bad = 0;
    this.measured = 0;
    this.#latencySumMs = 0;
  }

  /** What was counted before it came back says nothing of how it is now. */
  begin(nowMs: number): void {
    this.next();
    this.consecutive = 0;
    this.ejectedUntilMs = 0;
    this.goodSinceMs = nowMs;
  }
}

/**
 * Whose doing an ending was.
 *
 * @param status of the answer
 * @returns true = a failure of the endpoint, false = a success, null = it says nothing of the endpoint
 */
export function isFailure(rules: OutlierRules, outcome: Outcome, status: number): boolean | null {
  if (outcome === Outcome.Completed) {
    for (const [first, last] of rules.statuses) if (status >= first && status <= last) return true;
    return false;
  }
  // The app cuts a connection as it would without us: of a client that it does not like, for instance.
  if (outcome === Outcome.EndpointAborted) return rules.countsAborts ? true : null;
  return factsOf(outcome).side === 'endpoint' ? true : null;
}
