import { NO_KEY } from '../balancing/policy.ts';
import { isLikely } from '../balancing/shares.ts';
import { factsOf } from '../core/outcome.ts';
import type { Rng } from '../core/rng.ts';
import type { TrialMeter } from '../observability/trial-meter.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Pool } from '../pool/pool.ts';
import type { Exchange } from './exchange.ts';
import type { Transport } from './transport.ts';

/**
 * What a newcomer may have in hand: so many requests, and so many times its share of what the others have. One that is
 * slower has more in hand and is to be measured all the same; one that answers nothing is to get no more.
 */
const ROOM = 8;
const ROOM_FOR_SHARE = 4;

/** Spreads keys anew, so that the slice is none of the ranges by which policies deal keys out. */
const SPREAD = 0x9e3779b1;

export interface TrialTerms {
  /** Its incarnation. */
  readonly newcomer: number;
  /** Incarnations of those that it is compared with. */
  readonly others: ReadonlySet<number>;
  /** Of the requests that belong to nobody, so many go to it; 0-1. */
  readonly share: number;
  /** Only what was sent to a worker from then on is counted. Monotonic ms; null = nothing is. */
  readonly countsFromMs: number | null;
  /** The same of times: while compilers and caches are cold they say nothing. */
  readonly timesFromMs: number;
}

/**
 * A newcomer takes a slice of a pool's requests, and how it does is counted beside those of before. It is of a higher tier
 * than they, so that the policy leaves it alone: its share is exact whatever the policy is, and however little there is to do.
 */
export class Trial {
  readonly terms: TrialTerms;
  readonly #newcomerMeter: TrialMeter;
  readonly #othersMeter: TrialMeter;
  readonly #rng: Rng;
  /** Requests without a key that are not of the slice. */
  readonly #left = new WeakSet<Exchange>();
  /** null until it has dialled in, and after it has hung up. */
  newcomer: Endpoint<Transport> | null = null;

  constructor(terms: TrialTerms, newcomerMeter: TrialMeter, othersMeter: TrialMeter, rng: Rng) {
    this.terms = terms;
    this.#newcomerMeter = newcomerMeter;
    this.#othersMeter = othersMeter;
    this.#rng = rng;
  }

  /** The newcomer, where this request is one of its slice and it can have it now; else null. */
  pick(exchange: Exchange, pool: Pool<Transport>, nowMs: number): Endpoint<Transport> | null {
    const { newcomer } = this;
    if (newcomer === null || newcomer === exchange.avoid || !newcomer.isEligible) return null;
    if (!this.#isOfSlice(exchange) || !pool.members.has(newcomer)) return null;
    if (!this.#hasRoom(newcomer, pool)) return null;
    // One that waits for a database is silent as well, and is to have its share: until it answers it gets no other.
    newcomer.askIfQuiet(nowMs);
    return newcomer;
  }

  finished(exchange: Exchange, nowMs: number): void {
    const { endpoint, openedAtMs, respondedAtMs, status, outcome } = exchange;
    const { countsFromMs, timesFromMs } = this.terms;
    if (endpoint === null || countsFromMs === null || openedAtMs < countsFromMs) return;
    const meter = this.#meterOf(endpoint.incarnation);
    if (meter === null) return;
    meter.finished(status >= 500 || factsOf(outcome).side === 'endpoint');
    // What was somewhere else before took its time there.
    if (openedAtMs < timesFromMs || exchange.retries + exchange.moves > 0) return;
    meter.took((respondedAtMs === 0 ? nowMs : respondedAtMs) - openedAtMs);
  }

  /** To be called now and then. @param exchangesOf what a worker has in hand, by its incarnation */
  step(exchangesOf: (worker: number) => readonly Exchange[], nowMs: number): void {
    const { newcomer, others, countsFromMs, timesFromMs } = this.terms;
    if (countsFromMs === null) return;
    const agesOf = (worker: number): number[] =>
      exchangesOf(worker)
        .filter(({ isAnswered, openedAtMs }) => !isAnswered && openedAtMs >= timesFromMs)
        .map(({ openedAtMs }) => nowMs - openedAtMs);
    this.#newcomerMeter.setWaiting(agesOf(newcomer));
    this.#othersMeter.setWaiting([...others].flatMap(agesOf));
  }

  #meterOf(worker: number): TrialMeter | null {
    if (worker === this.terms.newcomer) return this.#newcomerMeter;
    return this.terms.others.has(worker) ? this.#othersMeter : null;
  }

  /** Requests of one key all are, or none of them is. One that waits for a worker is looked at again, not dealt again. */
  #isOfSlice(exchange: Exchange): boolean {
    const { share } = this.terms;
    if (exchange.key !== NO_KEY) return Math.imul(exchange.key, SPREAD) >>> 0 < share * 2 ** 32;
    if (this.#left.has(exchange)) return false;
    const isOfIt = isLikely(share, this.#rng);
    if (!isOfIt) this.#left.add(exchange);
    return isOfIt;
  }

  #hasRoom(newcomer: Endpoint<Transport>, pool: Pool<Transport>): boolean {
    let inFlight = 0;
    for (const member of pool.members) if (member !== newcomer) inFlight += member.inFlight - member.tunnels;
    return newcomer.inFlight - newcomer.tunnels < ROOM + ROOM_FOR_SHARE * this.terms.share * inFlight;
  }
}
