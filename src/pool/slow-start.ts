import type { Endpoint } from './endpoint.ts';

/** What an endpoint begins with, of its weight. */
const FIRST_PART = 0.1;

/**
 * Endpoints that have just come, or come back, get less than their weight at first: caches and compilers are cold. Of its
 * weight an endpoint has max(10 %, elapsed / window), which is Envoy's `slow_start_config` with `aggression` 1.
 */
export class SlowStart<T> {
  readonly #windowMs: number;
  /** Those that are not at their full weight, and since when. */
  readonly #warming = new Map<Endpoint<T>, number>();
  readonly #usable: Set<Endpoint<T>>;

  /**
   * @param windowMs more than 0
   * @param usable those that are there already, and have nothing to warm up for
   */
  constructor(windowMs: number, usable: Iterable<Endpoint<T>> = []) {
    this.#usable = new Set(usable);
    this.#windowMs = windowMs;
  }

  /** Its fitness may have changed. One that is merely held up for a moment does not start anew. */
  refresh(endpoint: Endpoint<T>, nowMs: number): void {
    if (!endpoint.isUsable) {
      this.#usable.delete(endpoint);
    } else if (!this.#usable.has(endpoint)) {
      this.#usable.add(endpoint);
      this.#warming.set(endpoint, nowMs);
      endpoint.setShare(FIRST_PART);
    }
  }

  /** Its weight was set. */
  reweigh(endpoint: Endpoint<T>, nowMs: number): void {
    const sinceMs = this.#warming.get(endpoint);
    if (sinceMs !== undefined) endpoint.setShare(this.#partAt(nowMs - sinceMs));
  }

  remove(endpoint: Endpoint<T>): void {
    this.#usable.delete(endpoint);
    if (this.#warming.delete(endpoint)) endpoint.setShare(1);
  }

  /** To be called now and then. @returns whether anybody's share has changed. */
  step(nowMs: number): boolean {
    if (this.#warming.size === 0) return false;
    for (const [endpoint, sinceMs] of this.#warming) {
      const part = this.#partAt(nowMs - sinceMs);
      endpoint.setShare(part);
      if (part === 1) this.#warming.delete(endpoint);
    }
    return true;
  }

  #partAt(elapsedMs: number): number {
    return Math.min(1, Math.max(FIRST_PART, elapsedMs / this.#windowMs));
  }
}
