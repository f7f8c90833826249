import type { OutlierRules } from '../config/outlier.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Pool } from '../pool/pool.ts';
import { isFailure, OutlierTally } from './outlier-tally.ts';
import { chanceOfAsMany } from './proportions.ts';

/**
 * A deviation says nothing of one among fewer (Envoy's `success_rate_minimum_hosts`): of four, one that fails everything is
 * 1.7 deviations off. Those are compared with all others together.
 */
const MIN_RATES = 5;

/** How likely it may be by chance that one of few fails so many more than the others. */
const CHANCE = 1e-4;

/** However steady the others are, fewer failures than this part do not make an outlier. */
const MIN_FAILED_PART = 0.1;

/** A median of fewer others is no measure. */
const MIN_TIMES = 3;

/** Times that differ by less do not matter, whatever the factor. ms */
const MIN_EXCESS_MS = 10;

export type EjectionCause = 'consecutive-failures' | 'success-rate' | 'latency';

/** Why one was taken out. */
export interface Ejection {
  readonly cause: EjectionCause;
  /** One clause: `5 failures in a row`. */
  readonly detail: string;
  readonly forMs: number;
  /** In a row, this one included. */
  readonly times: number;
  /** Of this interval. */
  readonly failed: number;
  readonly requests: number;
}

/** time: it was out long enough; panic: nobody else was left; gone: it, or the rule, is no more. */
export type ReturnCause = 'time' | 'panic' | 'gone';

export interface OutlierEvents<T> {
  onEjected(endpoint: Endpoint<T>, ejection: Ejection): void;
  onReturned(endpoint: Endpoint<T>, cause: ReturnCause): void;
}

/**
 * Takes members of a pool out that fail requests, while they look well otherwise. As Envoy's outlier detection
 * (envoyproxy.io, "Outlier detection"): by failures in a row, by rates of success and by times to answer, each against the
 * others; out for a base time that grows with every time in a row. HAProxy's `observe layer7` with `on-error mark-down` is the
 * first of these.
 *
 * What hits all alike is nobody's fault, and there is nobody better to go to: one is only taken out while another is well
 * that is usable, never more than half of the members, and all come back at once when nobody else is left.
 */
export class Outliers<T> {
  readonly #pool: Pool<T>;
  readonly #events: OutlierEvents<T>;
  readonly #tallies = new Map<Endpoint<T>, OutlierTally>();
  #rules: OutlierRules;
  #comparedAtMs: number;
  /** So many are out. */
  #ejected = 0;

  constructor(pool: Pool<T>, rules: OutlierRules, nowMs: number, events: OutlierEvents<T>) {
    this.#pool = pool;
    this.#rules = rules;
    this.#events = events;
    this.#comparedAtMs = nowMs;
    this.membersChanged(nowMs);
  }

  /** Exchanges are to tell how long answers take. */
  get needsLatency(): boolean {
    return this.#rules.latency > 0;
  }

  configure(rules: OutlierRules): void {
    this.#rules = rules;
  }

  /** Of an endpoint that is in several pools the first one's rules hold. */
  membersChanged(nowMs: number): void {
    const { members } = this.#pool;
    for (const endpoint of [...this.#tallies.keys()]) if (!members.has(endpoint)) this.#forget(endpoint);
    for (const endpoint of members) {
      if (this.#tallies.has(endpoint) || endpoint.onOutcome !== null) continue;
      const tally = new OutlierTally();
      tally.begin(nowMs);
      this.#tallies.set(endpoint, tally);
      endpoint.onOutcome = (outcome, status, atMs) => this.#ended(endpoint, tally, outcome, status, atMs);
    }
  }

  answered(endpoint: Endpoint<T>, latencyMs: number): void {
    this.#tallies.get(endpoint)?.answered(latencyMs);
  }

  /** To be called now and then. */
  step(nowMs: number): void {
    for (const [endpoint, tally] of this.#tallies) this.#age(endpoint, tally, nowMs);
    this.panic(nowMs);
    if (nowMs - this.#comparedAtMs < this.#rules.intervalMs) return;
    this.#comparedAtMs = nowMs;
    this.#compareRates(nowMs);
    this.#compareTimes(nowMs);
    for (const tally of this.#tallies.values()) tally.next();
  }

  /** Nobody is usable any more: those that are out are better than none. @returns whether it was so */
  panic(nowMs: number): boolean {
    if (this.#ejected === 0 || this.#pool.usable.length > 0) return false;
    for (const [endpoint, tally] of this.#tallies) {
      if (tally.ejectedUntilMs > 0) this.#return(endpoint, tally, 'panic', nowMs);
    }
    return true;
  }

  /** All come back, and nobody is looked at any more. */
  close(): void {
    for (const endpoint of [...this.#tallies.keys()]) this.#forget(endpoint);
  }

  #ended(endpoint: Endpoint<T>, tally: OutlierTally, outcome: Outcome, status: number, nowMs: number): void {
    const failed = isFailure(this.#rules, outcome, status);
    if (failed === null) return;
    if (!failed) {
      tally.succeeded();
      return;
    }
    tally.failed(nowMs);
    const { consecutive } = this.#rules;
    if (consecutive === 0 || tally.consecutive < consecutive) return;
    // Where everybody fails, the requests are what is wrong.
    if (this.#others(endpoint).some((other) => other.consecutive === 0)) {
      this.#eject(endpoint, tally, 'consecutive-failures', `${tally.consecutive} failures in a row`, nowMs);
    }
  }

  #age(endpoint: Endpoint<T>, tally: OutlierTally, nowMs: number): void {
    if (tally.ejectedUntilMs > 0) {
      if (nowMs >= tally.ejectedUntilMs) this.#return(endpoint, tally, 'time', nowMs);
      return;
    }
    if (tally.times === 0 || nowMs - tally.goodSinceMs < this.#rules.timeMs) return;
    tally.times--;
    tally.goodSinceMs = nowMs;
  }

  #compareRates(nowMs: number): void {
    const { successRate, minRequests } = this.#rules;
    const compared = [...this.#tallies].filter(([, { total }]) => total >= minRequests);
    if (successRate === 0 || compared.length < 2) return;
    const areFew = compared.length < MIN_RATES;
    const rates = compared.map(([, { good, total }]) => good / total);
    const mean = meanOf(rates);
    const deviation = Math.sqrt(meanOf(rates.map((rate) => (rate - mean) ** 2)));
    const least = mean - successRate * deviation;
    const sum = { bad: sumOf(compared, 'bad'), total: sumOf(compared, 'total') };
    for (const [i, [endpoint, tally]] of compared.entries()) {
      const rate = rates[i]!;
      if (1 - rate < MIN_FAILED_PART || !(areFew ? failsMore(tally, sum) : rate < least)) continue;
      const detail = `${share(1 - rate)} of its requests failed, of all ${share(1 - mean)}`;
      this.#eject(endpoint, tally, 'success-rate', detail, nowMs);
    }
  }

  #compareTimes(nowMs: number): void {
    const { latency, minRequests } = this.#rules;
    const compared = [...this.#tallies].filter(([, { measured }]) => measured >= minRequests);
    if (latency === 0 || compared.length < MIN_TIMES + 1) return;
    for (const [endpoint, tally] of compared) {
      const median = medianOf(compared.filter(([other]) => other !== endpoint).map(([, other]) => other.latencyMs));
      if (tally.latencyMs < median * latency || tally.latencyMs < median + MIN_EXCESS_MS) continue;
      const detail = `it takes ${tally.latencyMs.toFixed(0)} ms to answer, the others ${median.toFixed(0)} ms`;
      this.#eject(endpoint, tally, 'latency', detail, nowMs);
    }
  }

  #eject(endpoint: Endpoint<T>, tally: OutlierTally, cause: EjectionCause, detail: string, nowMs: number): void {
    if (tally.ejectedUntilMs > 0 || !endpoint.isUsable || this.#others(endpoint).length === 0) return;
    const members = [...this.#pool.members].filter(({ isEnabled }) => isEnabled).length;
    if (this.#ejected + 1 > members / 2) return;
    tally.times++;
    const forMs = Math.min(this.#rules.timeMs * tally.times, this.#rules.maxTimeMs);
    tally.ejectedUntilMs = nowMs + forMs;
    this.#ejected++;
    endpoint.setEjected(true);
    const { times, bad: failed, total: requests } = tally;
    this.#events.onEjected(endpoint, { cause, detail, forMs, times, failed, requests });
  }

  #return(endpoint: Endpoint<T>, tally: OutlierTally, cause: ReturnCause, nowMs: number): void {
    this.#ejected--;
    tally.begin(nowMs);
    endpoint.setEjected(false);
    this.#events.onReturned(endpoint, cause);
  }

  #forget(endpoint: Endpoint<T>): void {
    const tally = this.#tallies.get(endpoint)!;
    this.#tallies.delete(endpoint);
    endpoint.onOutcome = null;
    if (tally.ejectedUntilMs > 0) this.#return(endpoint, tally, 'gone', 0);
  }

  /** Tallies of those that could do its work. */
  #others(endpoint: Endpoint<T>): OutlierTally[] {
    const others: OutlierTally[] = [];
    for (const [other, tally] of this.#tallies) if (other !== endpoint && other.isUsable) others.push(tally);
    return others;
  }
}

/** More than twice as often as all the others together, and not by chance. */
function failsMore({ bad, total }: OutlierTally, all: { readonly bad: number; readonly total: number }): boolean {
  const [otherBad, otherTotal] = [all.bad - bad, all.total - total];
  return bad * otherTotal > 2 * otherBad * total && chanceOfAsMany(bad, total, otherBad, otherTotal) < CHANCE;
}

function sumOf(tallies: readonly (readonly [unknown, OutlierTally])[], key: 'bad' | 'total'): number {
  return tallies.reduce((sum, [, tally]) => sum + tally[key], 0);
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}

function medianOf(numbers: readonly number[]): number {
  const inOrder = [...numbers].sort((a, b) => a - b);
  const middle = inOrder.length >> 1;
  return inOrder.length % 2 === 1 ? inOrder[middle]! : (inOrder[middle - 1]! + inOrder[middle]!) / 2;
}

function share(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
