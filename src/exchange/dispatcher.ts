import { keyOf } from '../balancing/key-source.ts';
import { NO_KEY, type Policy } from '../balancing/policy.ts';
import type { OutlierRules } from '../config/outlier.ts';
import type { KeySource } from '../config/sticky.ts';
import type { Clock } from '../core/clock.ts';
import { factsOf, Outcome } from '../core/outcome.ts';
import { setTimeout } from '../core/timers.ts';
import { type OutlierEvents, Outliers } from '../health/outliers.ts';
import type { PoolLog } from '../observability/access-log.ts';
import type { PoolMeter } from '../observability/pool-meter.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Pool } from '../pool/pool.ts';
import type { Affinity } from './affinity.ts';
import type { ClientAddresses } from './client-addresses.ts';
import type { Exchange } from './exchange.ts';
import type { LoadReporter } from './load-reporter.ts';
import type { Quarantine } from './quarantine.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { ExchangeClient, Transport } from './transport.ts';
import type { Trial } from './trial.ts';
import { Offer, type WaitQueue } from './wait-queue.ts';

/**
 * Requests that wait here while workers are merely held up, their loops busy with what they have. More than these are
 * given to them after all, so that the queue's limit stays what it is for: workers that are not there.
 */
const HELD_BACK = 128;

/**
 * Requests that a worker gets from the queue when it comes back: one to run and one to be there when that is done. Few,
 * since any of them may hold it up again, and those behind it would wait while another worker comes free.
 */
const PULLED_ON_RETURN = 2;

/**
 * While requests wait, workers that have been silent meanwhile are asked for a sign of life this often: one that answers has
 * begun what it got, and takes as many as if it had come back. Otherwise requests that last, such as streams of events, would
 * leave it with nothing to do beside a queue, since nothing is finished that would pull another.
 */
const LOOK_MS = 5;

/**
 * For each request finished while others wait one is pulled, and for one in so many two: what a worker has in hand grows
 * by a quarter each time round, so that a queue that lasts does not slow anybody down.
 */
const GROWTH_INTERVAL = 4;

/** Admit, pick, open: how a request finds its endpoint within one pool. */
export class Dispatcher {
  readonly pool: Pool<Transport>;
  readonly clock: Clock;
  /** Requests that workers have died of; null while there are none. */
  quarantine: Quarantine | null = null;
  /** A newcomer that is tried out; null while there is none. */
  trial: Trial | null = null;
  /** null = requests are not logged. */
  log: PoolLog | null = null;
  /** Longest wait for the head of a response; 0 = no limit. */
  responseTimeoutMs = 0;
  /** A safe request that has waited so long at an endpoint which does not answer is run elsewhere as well; 0 = never. */
  hedgeMs = 0;
  /** Tells clients from proxies in front of us; null where none is trusted. */
  addresses: ClientAddresses | null = null;
  /** null = clients are not told how busy it is. */
  reporter: LoadReporter | null = null;
  /** Exchanges are to tell by {@link answered} how long their answers took. */
  needsLatency = false;
  #outliers: Outliers<Transport> | null = null;
  #policy: Policy;
  #affinity: Affinity | null = null;
  #keySource: KeySource | null = null;
  readonly #queue: WaitQueue;
  readonly #budget: RetryBudget;
  readonly #meter: PoolMeter;
  #retryAfterSeconds: number | null = null;
  #finishes = 0;
  /** When those that wait are looked at; null while nobody does. */
  #look: NodeJS.Timeout | null = null;
  /** Length of the queue as the meter knows it. */
  #countedQueue = 0;

  constructor(
    pool: Pool<Transport>,
    policy: Policy,
    queue: WaitQueue,
    budget: RetryBudget,
    meter: PoolMeter,
    clock: Clock,
  ) {
    this.pool = pool;
    this.#policy = policy;
    this.#queue = queue;
    this.#budget = budget;
    this.#meter = meter;
    this.clock = clock;
    this.#tellPolicy();
    pool.onMembers(() => {
      this.#tellPolicy();
      this.#outliers?.membersChanged(this.clock.nowMs);
      this.#affinity?.membersChanged();
    });
    pool.onEligible(() => this.#drain(PULLED_ON_RETURN));
  }

  /** From now on requests go by these. */
  configure(policy: Policy, queueLimit: number, queueTimeoutMs: number, responseTimeoutMs: number): void {
    this.#policy = policy;
    this.#tellPolicy();
    this.#queue.configure(queueLimit, queueTimeoutMs);
    this.responseTimeoutMs = responseTimeoutMs;
  }

  /**
   * @param affinity null = nothing belongs together
   * @param keySource what the key is that some policies go by; null = nothing, and they choose by chance
   */
  bind(affinity: Affinity | null, keySource: KeySource | null): void {
    this.#affinity = affinity;
    this.#keySource = keySource;
  }

  /** By which rules members that fail requests are taken out; null = none is. @param events heard the first time */
  watchOutliers(rules: OutlierRules | null, events: OutlierEvents<Transport>): void {
    if (rules === null) {
      this.#outliers?.close();
      this.#outliers = null;
    } else if (this.#outliers === null) {
      this.#outliers = new Outliers(this.pool, rules, this.clock.nowMs, events);
    } else {
      this.#outliers.configure(rules);
    }
    this.#tellPolicy();
  }

  /** Seconds that a refused client is asked to wait while no worker is expected soon; null = as usual. */
  get retryAfterSeconds(): number | null {
    return this.#retryAfterSeconds;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** Monotonic time of the thread, as of the event that is being handled. ms */
  get nowMs(): number {
    return this.clock.nowMs;
  }

  /** A new request. */
  admit(exchange: Exchange, nowMs: number): void {
    exchange.isAdmitted = true;
    this.#meter.admitted();
    this.#budget.deposit(nowMs);
    if (this.#affinity !== null) this.#affinity.admitted(exchange);
    if (this.#policy.needsKey && this.#keySource !== null && exchange.lines !== '') {
      exchange.key = keyOf(this.#keySource, exchange);
    }
    this.dispatch(exchange, nowMs);
  }

  /** A request that looks for an endpoint: new, or taken back from one that was lost. */
  dispatch(exchange: Exchange, nowMs: number): void {
    if (this.quarantine?.refuses(exchange)) {
      exchange.fail(Outcome.Quarantined);
      return;
    }
    // Nobody overtakes those that wait, but for those that wait for another endpoint than he may get.
    if (this.#queue.length === this.#queue.bound && this.#offer(exchange) === Offer.Taken) return;
    if (this.#queue.length >= this.#heldBack && this.#offerToRoomy(exchange)) return;
    if (this.#outliers?.panic(nowMs) && this.#offer(exchange) === Offer.Taken) return;
    if (this.#retryAfterSeconds !== null) {
      this.#meter.shed(1);
      exchange.fail(Outcome.NoWorker);
    } else if (!this.#queue.push(exchange, nowMs, this.#isBound(exchange))) {
      this.#meter.shed(1);
      exchange.fail(Outcome.QueueFull);
    } else {
      this.#countQueue();
    }
  }

  /** Whether what is taken from this endpoint would find another, or has room to wait for one that is only held up. */
  hasAlternative(endpoint: Endpoint<Transport>): boolean {
    return this.roomBeside(endpoint) > 0;
  }

  /** Whether another could begin a request now. */
  isFreeBeside(endpoint: Endpoint<Transport>): boolean {
    return this.pool.eligible.some((other) => other !== endpoint);
  }

  /** How many requests may be taken from this endpoint at a time: for others that are free, or to wait for one that is only held up. */
  roomBeside(endpoint: Endpoint<Transport>): number {
    if (this.isFreeBeside(endpoint)) return HELD_BACK;
    if (!this.pool.usable.some((other) => other !== endpoint)) return 0;
    return Math.max(0, this.#heldBack - this.#queue.length);
  }

  allowsRetry(nowMs: number): boolean {
    if (!this.#budget.withdraw(nowMs)) return false;
    this.#meter.retried();
    return true;
  }

  countMove(): void {
    this.#meter.moved();
  }

  /** The response's head is there, or there will be none. */
  answered(exchange: Exchange, endpoint: Endpoint<Transport>, isOk: boolean): void {
    const { nowMs } = this.clock;
    const tookMs = nowMs - exchange.sentAtMs;
    if (this.#policy.needsLatency) endpoint.answered(tookMs, isOk, nowMs);
    if (isOk) this.#outliers?.answered(endpoint, tookMs);
  }

  finished(exchange: Exchange): void {
    // What we ask workers ourselves is no request.
    if (exchange.isAdmitted || exchange.outcome === Outcome.NoRoute) {
      const { nowMs } = this.clock;
      this.#meter.finished(exchange, exchange.isAdmitted, nowMs);
      if (this.trial !== null) this.trial.finished(exchange, nowMs);
      if (this.log !== null) this.log.finished(exchange, nowMs);
    }
    this.quarantine?.finished(exchange);
    if (exchange.waiting !== null) {
      exchange.waiting.leave();
      this.#countQueue();
      return;
    }
    if (this.#queue.length === 0) return;
    this.#finishes = (this.#finishes + 1) % GROWTH_INTERVAL;
    this.#drain(this.#finishes === 0 ? 2 : 1);
  }

  /** No worker is expected for this long: whoever waits, or comes, is told so at once. null = workers may be expected. */
  setUnavailable(retryAfterSeconds: number | null): void {
    this.#retryAfterSeconds = retryAfterSeconds;
    if (retryAfterSeconds !== null && this.pool.usable.length === 0) {
      this.#meter.shed(this.#queue.refuseAll(Outcome.NoWorker));
      this.#countQueue();
    }
  }

  /** To be called now and then: requests that have waited too long are answered. */
  expire(nowMs: number): void {
    this.pool.step(nowMs);
    this.#outliers?.step(nowMs);
    if (this.#queue.length === 0) return;
    this.#meter.shed(this.#queue.expire(nowMs));
    this.#countQueue();
    this.#drain(PULLED_ON_RETURN);
  }

  /** A request was refused at the door, before it could become an exchange. */
  refused(outcome: Outcome, client: ExchangeClient): void {
    const { status } = factsOf(outcome);
    this.#meter.refused(outcome, status);
    if (this.log !== null) this.log.refused(client, outcome, status, this.clock.nowMs);
  }

  #drain(most: number): void {
    if (this.#queue.length === 0) return;
    this.#queue.drain(this.#offer, most, this.clock.nowMs);
    this.#countQueue();
  }

  #countQueue(): void {
    const { length } = this.#queue;
    if (length === this.#countedQueue) return;
    this.#lookSoon();
    this.#meter.queued(length - this.#countedQueue);
    this.#countedQueue = length;
  }

  readonly #askQuietOnes = (): void => {
    this.#look = null;
    if (this.#queue.length === 0) return;
    const nowMs = this.clock.tick();
    let hasIdle = false;
    for (const endpoint of [...this.pool.eligible]) {
      if (!endpoint.askIfQuiet(nowMs) && endpoint.inFlight === endpoint.tunnels) hasIdle = true;
    }
    if (hasIdle) this.#drain(PULLED_ON_RETURN);
    this.#lookSoon();
  };

  #lookSoon(): void {
    if (this.#queue.length > 0) this.#look ??= setTimeout(this.#askQuietOnes, LOOK_MS).unref();
  }

  /** How many may wait for workers that are only held up. */
  get #heldBack(): number {
    return Math.min(HELD_BACK, this.#queue.limit >> 1);
  }

  /** There is one endpoint that it waits for, others being free or not. */
  #isBound(exchange: Exchange): boolean {
    if (exchange.prefer !== null && this.#affinity?.holds(exchange)) return true;
    return this.#policy.needsKey && exchange.key !== NO_KEY;
  }

  readonly #offer = (exchange: Exchange): Offer => {
    const { nowMs } = this.clock;
    const { prefer, avoid, key } = exchange;
    if (prefer !== null && this.#affinity?.holds(exchange)) {
      if (prefer.isFull) return Offer.Refused;
      this.#open(exchange, prefer, nowMs);
      return Offer.Taken;
    }
    if (this.trial !== null) {
      const newcomer = this.trial.pick(exchange, this.pool, nowMs);
      if (newcomer !== null) {
        this.#open(exchange, newcomer, nowMs);
        return Offer.Taken;
      }
    }
    // A key is not given away because its endpoint is busy just now.
    if (this.#policy.needsKey && key !== NO_KEY) return this.#offerByKey(exchange);
    for (;;) {
      const endpoint = this.#policy.pick(this.pool.eligible, avoid, key, nowMs);
      if (endpoint === null) return this.#refused();
      if (endpoint.askIfQuiet(nowMs)) continue;
      this.#open(exchange, endpoint, nowMs);
      return Offer.Taken;
    }
  };

  /** Where nobody is eligible only those may be taken that have an endpoint of their own. */
  #refused(): Offer {
    return this.pool.eligible.length === 0 && this.#queue.bound === 0 ? Offer.Nobody : Offer.Refused;
  }

  #offerByKey(exchange: Exchange): Offer {
    const { waiting } = exchange;
    const awaits = waiting === null ? null : waiting.awaits;
    if (awaits?.isFull && awaits.isUsable) return Offer.Refused;
    const { nowMs } = this.clock;
    const endpoint = this.#policy.pick(this.pool.usable, exchange.avoid, exchange.key, nowMs);
    if (endpoint === null) return Offer.Refused;
    if (endpoint.isFull) {
      if (waiting !== null) waiting.awaits = endpoint;
      return Offer.Refused;
    }
    this.#open(exchange, endpoint, nowMs);
    return Offer.Taken;
  }

  /** To one that is held up, if need be. What belongs to an endpoint that is full goes on waiting for it. */
  #offerToRoomy(exchange: Exchange): boolean {
    if (this.#isBound(exchange)) return this.#offer(exchange) === Offer.Taken;
    const { nowMs } = this.clock;
    const endpoint = this.#policy.pick(this.pool.roomy, exchange.avoid, exchange.key, nowMs);
    if (endpoint === null) return false;
    this.#open(exchange, endpoint, nowMs);
    return true;
  }

  #open(exchange: Exchange, endpoint: Endpoint<Transport>, nowMs: number): void {
    if (exchange.waiting !== null) exchange.waiting.taken(nowMs);
    if (this.#affinity !== null) this.#affinity.opening(exchange, endpoint);
    exchange.open(endpoint, nowMs);
  }

  #tellPolicy(): void {
    this.needsLatency = this.#policy.needsLatency || this.#outliers?.needsLatency === true;
    this.#policy.membersChanged?.(this.pool.members);
  }
}
