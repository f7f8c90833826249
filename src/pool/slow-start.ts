import type { Endpoint } from './endpoint.ts';

/** What an endpoint begins with, of its weight. */
const FIRST_PART = 0.1;

/**
 * What comes back has its window also where newcomers have none: what was wrong with it may not be over, and all that
 * waited would fall upon it. ms
 */
export const RETURN_MS = 5_000;

/**
 * Endpoints that have just come, or come back, get less than their weight at first: caches and compilers are cold. Of its
 * weight an endpoint has max(10 %, elapsed / window), which is Envoy's `slow_start_config` with `aggression` 1.
 */
export class SlowStart<T> {
  /** Of newcomers, and of those that come back. 0 = none. */
  readonly #windowMs: number;
  readonly #returnMs: number;
  /** Those that are not at their full weight, and since when. */
  readonly #warming = new Map<Endpoint<T>, Warming>();
  readonly #usable: Set<Endpoint<T>>;
  /** Those that were usable once. */
  readonly #known: Set<Endpoint<T>>;

  /**
   * @param windowMs of newcomers; 0 = they have their full weight at once
   * @param returnMs of those that come back; 0 as well
   * @param usable those that are there already, and have nothing to warm up for
   */
  constructor(windowMs: number, returnMs: number, usable: Iterable<Endpoint<T>> = []) {
    this.#usable = new Set(usable);
    this.#known = new Set(usable);
    this.#windowMs = windowMs;
    this.#returnMs = returnMs;
  }

  /** Its fitness may have changed. One that is merely held up for a moment does not start anew. */
  refresh(endpoint: Endpoint<T>, nowMs: number): void {
    if (!endpoint.isUsable) {
      this.#usable.delete(endpoint);
    } else if (!this.#usable.has(endpoint)) {
      const windowMs = this.#known.has(endpoint) ? this.#returnMs : this.#windowMs;
      this.#usable.add(endpoint);
      this.#known.add(endpoint);
      if (windowMs === 0) return;
      this.#warming.set(endpoint, { sinceMs: nowMs, windowMs });
      endpoint.setShare(FIRST_PART);
    }
  }

  /** Its weight was set. */
  reweigh(endpoint: Endpoint<T>, nowMs: number): void {
    const warming = this.#warming.get(endpoint);
    if (warming !== undefined) endpoint.setShare(partAt(warming, nowMs));
  }

  remove(endpoint: Endpoint<T>): void {
    this.#usable.delete(endpoint);
    this.#known.delete(endpoint);
    if (this.#warming.delete(endpoint)) endpoint.setShare(1);
  }

  /** To be called now and then. @returns whether anybody's share has changed. */
  step(nowMs: number): boolean {
    if (this.#warming.size === 0) return false;
    for (const [endpoint, warming] of this.#warming) {
      const part = partAt(warming, nowMs);
      endpoint.setShare(part);
      if (part === 1) this.#warming.delete(endpoint);
    }
    return true;
  }
}

/** One that is not at its full weight. */
interface Warming {
  readonly sinceMs: number;
  readonly windowMs: number;
}

function partAt({ sinceMs, windowMs }: Warming, nowMs: number): number {
  return Math.min(1, Math.max(FIRST_PART, (nowMs - sinceMs) / windowMs));
}
