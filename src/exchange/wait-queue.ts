import { Outcome } from '../core/outcome.ts';
import type { Exchange } from './exchange.ts';

/** Requests that no worker can take yet, bounded in number and in age. First come, first served. */
export class WaitQueue {
  #limit: number;
  #timeoutMs: number;
  #waiting: Exchange[] = [];

  /** @param timeoutMs 0 = no limit of age. */
  constructor(limit: number, timeoutMs: number) {
    this.#limit = limit;
    this.#timeoutMs = timeoutMs;
  }

  /** Requests that may wait. */
  get limit(): number {
    return this.#limit;
  }

  /** For requests that come from now on. */
  configure(limit: number, timeoutMs: number): void {
    this.#limit = limit;
    this.#timeoutMs = timeoutMs;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** @returns false when it is full. */
  push(exchange: Exchange, nowMs: number): boolean {
    if (this.#waiting.length >= this.#limit) this.#dropLeft();
    if (this.#waiting.length >= this.#limit) return false;
    exchange.queueDeadlineMs = this.#timeoutMs === 0 ? Number.POSITIVE_INFINITY : nowMs + this.#timeoutMs;
    this.#waiting.push(exchange);
    return true;
  }

  /** Hands those that wait to `offer`, in order, until it has taken `most`; those it does not take stay. */
  drain(offer: (exchange: Exchange) => boolean, most: number): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    let taken = 0;
    for (const exchange of waiting) {
      if (exchange.isFinished) continue;
      if (taken < most && offer(exchange)) taken++;
      else this.#waiting.push(exchange);
    }
  }

  /** Answers those that have waited too long. */
  expire(nowMs: number): number {
    let expired = 0;
    for (const exchange of this.#waiting) {
      if (exchange.isFinished || exchange.queueDeadlineMs > nowMs) continue;
      expired++;
      exchange.fail(Outcome.QueueTimeout);
    }
    this.#dropLeft();
    return expired;
  }

  /** Answers all of them with this outcome. */
  refuseAll(outcome: Outcome): number {
    const waiting = this.#waiting;
    this.#waiting = [];
    let refused = 0;
    for (const exchange of waiting) {
      if (exchange.isFinished) continue;
      refused++;
      exchange.fail(outcome);
    }
    return refused;
  }

  /** Clients that went away leave their place. */
  #dropLeft(): void {
    this.#waiting = this.#waiting.filter((exchange) => !exchange.isFinished);
  }
}
