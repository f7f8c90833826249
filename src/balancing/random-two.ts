import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { Draw } from './draw.ts';
import type { Policy } from './policy.ts';

/**
 * The less loaded of two that chance gives: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996.
 * What it knows may be old without everybody running to the same endpoint, so it suits many balancers that do not know
 * of each other. Weighted: drawn in proportion to shares, compared by what is in flight for a share.
 */
export class RandomTwo implements Policy {
  readonly name = 'random-two';
  readonly needsKey = false;
  readonly needsLatency = false;
  readonly #draw: Draw;

  constructor(rng: Rng) {
    this.#draw = new Draw(rng);
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    const first = this.#draw.one(eligible, avoid, null);
    if (first === null) return null;
    const second = this.#draw.one(eligible, avoid, first);
    // A tie is the first one's, which was drawn from all.
    return second !== null && second.load / second.share < first.load / first.share ? second : first;
  }
}
