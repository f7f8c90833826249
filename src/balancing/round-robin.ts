import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Policy } from './policy.ts';
import { fraction } from './shares.ts';

/**
 * Smooth weighted round robin, as in nginx (Igor Sysoev, "Upstream: smooth weighted round-robin balancing", 2012): at each
 * pick everybody gains its share, and whoever has the most pays the sum of all shares. With weights 5, 1, 1 that gives
 * a a b a c a a, never five in a row. What everybody begins with is left to chance, so that several balancers do not all
 * begin with the same one.
 */
export class RoundRobin implements Policy {
  readonly name = 'round-robin';
  readonly needsKey = false;
  readonly needsLatency = false;
  readonly #rng: Rng;
  #list: readonly Endpoint[] = [];
  /** What each of {@link #list} has gained and not paid. */
  #credit = new Float64Array(0);
  /** The same of those that are not in the list for now. */
  readonly #away = new WeakMap<Endpoint, number>();

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    if ((eligible as readonly unknown[]) !== this.#list) this.#look(eligible as readonly unknown[] as Endpoint[]);
    const credit = this.#credit;
    let best = -1;
    let total = 0;
    for (let i = 0; i < eligible.length; i++) {
      const endpoint = eligible[i]!;
      if (endpoint === avoid) continue;
      const { share } = endpoint;
      total += share;
      const mine = credit[i]! + share;
      credit[i] = mine;
      if (best === -1 || mine > credit[best]!) best = i;
    }
    if (best === -1) return null;
    credit[best]! -= total;
    return eligible[best]!;
  }

  #look(eligible: readonly Endpoint[]): void {
    for (let i = 0; i < this.#list.length; i++) this.#away.set(this.#list[i]!, this.#credit[i]!);
    this.#list = eligible;
    this.#credit = new Float64Array(eligible.length);
    for (let i = 0; i < eligible.length; i++) {
      const endpoint = eligible[i]!;
      this.#credit[i] = this.#away.get(endpoint) ?? fraction(endpoint.share, this.#rng);
    }
  }
}
