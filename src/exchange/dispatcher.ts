import type { Policy } from '../balancing/policy.ts';
import { Outcome } from '../core/outcome.ts';
import type { Counters } from '../observability/counters.ts';
import type { Pool } from '../pool/pool.ts';
import type { Exchange } from './exchange.ts';
import type { RetryBudget } from './retry-budget.ts';
import type { Transport } from './transport.ts';
import type { WaitQueue } from './wait-queue.ts';

/** Admit, pick, open: how a request finds its endpoint within one pool. */
export class Dispatcher {
  readonly pool: Pool<Transport>;
  readonly #policy: Policy;
  readonly #queue: WaitQueue;
  readonly #budget: RetryBudget;
  readonly #counters: Counters;
  #retryAfterSeconds: number | null = null;

  constructor(pool: Pool<Transport>, policy: Policy, queue: WaitQueue, budget: RetryBudget, counters: Counters) {
    this.pool = pool;
    this.#policy = policy;
    this.#queue = queue;
    this.#budget = budget;
    this.#counters = counters;
    pool.onEligible(() => this.#queue.drain(this.#offer));
  }

  /** Seconds that a refused client is asked to wait while no worker is expected soon; null = as usual. */
  get retryAfterSeconds(): number | null {
    return this.#retryAfterSeconds;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** A new request. */
  admit(exchange: Exchange, nowMs: number): void {
    this.#counters.requests++;
    this.#budget.deposit(nowMs);
    this.dispatch(exchange, nowMs);
  }

  /** A request that looks for an endpoint: new, or taken back from one that was lost. */
  dispatch(exchange: Exchange, nowMs: number): void {
    if (this.#offer(exchange)) return;
    if (this.#retryAfterSeconds !== null) {
      this.#counters.shed++;
      exchange.fail(Outcome.NoWorker);
    } else if (!this.#queue.push(exchange, nowMs)) {
      this.#counters.shed++;
      exchange.fail(Outcome.QueueFull);
    }
  }

  allowsRetry(nowMs: number): boolean {
    if (!this.#budget.withdraw(nowMs)) return false;
    this.#counters.retried++;
    return true;
  }

  countMove(): void {
    this.#counters.moved++;
  }

  finished(exchange: Exchange): void {
    this.#counters.finished(exchange.outcome);
  }

  /** No worker is expected for this long: whoever waits, or comes, is told so at once. null = workers may be expected. */
  setUnavailable(retryAfterSeconds: number | null): void {
    this.#retryAfterSeconds = retryAfterSeconds;
    if (retryAfterSeconds !== null && this.pool.eligible.length === 0) {
      this.#counters.shed += this.#queue.refuseAll(Outcome.NoWorker);
    }
  }

  /** To be called now and then: requests that have waited too long are answered. */
  expire(nowMs: number): void {
    if (this.#queue.length > 0) this.#counters.shed += this.#queue.expire(nowMs);
  }

  readonly #offer = (exchange: Exchange): boolean => {
    const endpoint = this.#policy.pick(this.pool.eligible, exchange.avoid);
    if (endpoint === null) return false;
    exchange.open(endpoint);
    return true;
  };
}
