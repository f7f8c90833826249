import { Outcome } from '../core/outcome.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { Transport } from './transport.ts';

/** What came of offering a request that waits. */
export const Offer = {
  /** It was opened. */
  Taken: 0,
  /** It has to wait; one behind it may not. */
  Refused: 1,
  /** Nobody takes anything now. */
  Nobody: 2,
} as const;
export type Offer = (typeof Offer)[keyof typeof Offer];

/**
 * Of the time that a request may wait, the part after which the queue counts as standing: it is no burst that is worked
 * off but more than there is capacity for.
 */
const STANDING_PART = 0.5;

/** A request's place in the queue. Made for those that wait only. */
export class Waiting {
  readonly exchange: Exchange;
  readonly sinceMs: number;
  /** Infinity = it may wait for ever. */
  readonly deadlineMs: number;
  /** It belongs to one endpoint, for which it waits, others being free or not. */
  readonly isBound: boolean;
  /** Where its key leads: it need not be asked again while that is full. */
  awaits: Endpoint<Transport> | null = null;
  previous: Waiting | null = null;
  next: Waiting | null = null;
  #queue: WaitQueue | null;

  constructor(queue: WaitQueue, exchange: Exchange, sinceMs: number, deadlineMs: number, isBound: boolean) {
    this.#queue = queue;
    this.exchange = exchange;
    this.sinceMs = sinceMs;
    this.deadlineMs = deadlineMs;
    this.isBound = isBound;
  }

  /** It is sent to an endpoint. Should it come back, what it has waited until now is not forgotten. */
  taken(nowMs: number): void {
    this.exchange.queuedMs += nowMs - this.sinceMs;
    this.leave();
  }

  /** Opened, answered, or its client went away: it makes room at once. */
  leave(): void {
    this.exchange.waiting = null;
    this.#queue?.unlink(this);
    this.#queue = null;
  }
}

/**
 * Requests that no endpoint can take yet, bounded in number and in age. First come, first served, until the oldest has
 * waited for half of what it may: from then on the newest is served first, until no old ones are left. In a queue that
 * stands, first come, first served answers everybody just before, or after, he gives up; so served, most are answered in
 * good time, and those that are not would have been answered too late anyway.
 *
 * The limit by standing time and not by length is CoDel's (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5),
 * 2012); turning the order around is the adaptive LIFO of Maurer, "Fail at Scale", ACM Queue 13(8), 2015.
 *
 * A linked list, so that whoever leaves, from wherever, costs the same however many wait.
 */
export class WaitQueue {
  #limit: number;
  #timeoutMs: number;
  #first: Waiting | null = null;
  #last: Waiting | null = null;
  #length = 0;
  #bound = 0;

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
    return this.#length;
  }

  /** Those of them that wait for one endpoint. */
  get bound(): number {
    return this.#bound;
  }

  /**
   * It stands behind those that came before it, also when it comes back from an endpoint.
   *
   * @param isBound it waits for one endpoint. @returns false when it is full.
   */
  push(exchange: Exchange, nowMs: number, isBound: boolean = false): boolean {
    if (this.#length >= this.#limit) return false;
    const leftMs = this.#timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.#timeoutMs - exchange.queuedMs;
    const deadlineMs = nowMs + leftMs;
    const waiting = new Waiting(this, exchange, nowMs, deadlineMs, isBound);
    let previous = this.#last;
    while (previous !== null && previous.exchange.startedAtMs > exchange.startedAtMs) previous = previous.previous;
    this.#link(waiting, previous);
    this.#length++;
    if (isBound) this.#bound++;
    exchange.waiting = waiting;
    return true;
  }

  /** Hands those that wait to `offer`, in order, until it has taken `most` or nobody takes more; the others stay. */
  drain(offer: (exchange: Exchange) => Offer, most: number, nowMs: number): void {
    let taken = 0;
    let at = this.#isStanding(nowMs) ? this.#last : this.#first;
    while (at !== null) {
      const answer = offer(at.exchange);
      if (answer === Offer.Nobody) return;
      if (answer === Offer.Refused) {
        at = this.#isStanding(nowMs) ? at.previous : at.next;
        continue;
      }
      // What could not be opened after all may wait again, in another place.
      if (at.exchange.waiting === at) at.leave();
      if (++taken >= most) return;
      // What that has set off may have changed the queue.
      at = this.#isStanding(nowMs) ? this.#last : this.#first;
    }
  }

  /** Answers those that have waited too long. @returns how many */
  expire(nowMs: number): number {
    return this.#refuse(Outcome.QueueTimeout, nowMs);
  }

  /** Answers all of them with this outcome. @returns how many */
  refuseAll(outcome: Outcome): number {
    return this.#refuse(outcome, Number.POSITIVE_INFINITY);
  }

  /** For {@link Waiting.leave}. */
  unlink(waiting: Waiting): void {
    const { previous, next } = waiting;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    this.#length--;
    if (waiting.isBound) this.#bound--;
  }

  #link(waiting: Waiting, previous: Waiting | null): void {
    const next = previous === null ? this.#first : previous.next;
    waiting.previous = previous;
    waiting.next = next;
    if (previous === null) this.#first = waiting;
    else previous.next = waiting;
    if (next === null) this.#last = waiting;
    else next.previous = waiting;
  }

  #isStanding(nowMs: number): boolean {
    return this.#first !== null && nowMs - this.#first.sinceMs > this.#timeoutMs * STANDING_PART && this.#timeoutMs > 0;
  }

  /** Those whose deadline is not after this. */
  #refuse(outcome: Outcome, deadlineMs: number): number {
    const refused: Exchange[] = [];
    for (let at = this.#first; at !== null; at = at.next) {
      if (at.deadlineMs <= deadlineMs) refused.push(at.exchange);
    }
    for (const exchange of refused) exchange.waiting?.leave();
    for (const exchange of refused) exchange.fail(outcome);
    return refused.length;
  }
}
