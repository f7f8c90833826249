import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Policy } from './policy.ts';
import { isLikely, isUniform } from './shares.ts';

/**
 * Of more endpoints than this, so many that stand side by side are compared, from a place that chance gives. The least
 * loaded of 128 is as good as that of all (that none of them is idle at a load of 90 % happens once in a million picks),
 * and a pick costs no more in a pool of thousands.
 */
const COMPARED = 128;

/**
 * Least in-flight per request: "join the shortest queue" (Winston, "Optimality of the shortest line discipline", 1977).
 * With full information of one balancer it is the best that needs no knowledge of service times. Ties go evenly, by
 * reservoir sampling, so that a newcomer with nothing in flight is not stampeded by order of the list.
 *
 * Weighted: the least in flight for its share, ties in proportion to shares.
 */
export class LeastInFlight implements Policy {
  readonly name = 'least-inflight';
  readonly needsKey = false;
  readonly needsLatency = false;
  readonly #rng: Rng;
  /** The list that {@link #isUniform} is about. */
  #list: readonly unknown[] = [];
  #isUniform = true;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    if (eligible !== this.#list) {
      this.#list = eligible;
      this.#isUniform = isUniform(eligible);
    }
    if (eligible.length > COMPARED) return this.#pickAmong(window(eligible, COMPARED, this.#rng), avoid);
    return this.#pickAmong(eligible, avoid);
  }

  #pickAmong<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    return this.#isUniform ? this.#pickEqual(eligible, avoid) : this.#pickWeighted(eligible, avoid);
  }

  #pickEqual<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    let best: Endpoint<T> | null = null;
    let least = 0;
    let ties = 0;
    for (let i = 0; i < eligible.length; i++) {
      const endpoint = eligible[i]!;
      if (endpoint === avoid) continue;
      const { load } = endpoint;
      if (best === null || load < least) {
        best = endpoint;
        least = load;
        ties = 1;
      } else if (load === least) {
        ties++;
        if (this.#rng.below(ties) === 0) best = endpoint;
      }
    }
    return best;
  }

  #pickWeighted<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    let best: Endpoint<T> | null = null;
    let least = 0;
    let tied = 0;
    for (let i = 0; i < eligible.length; i++) {
      const endpoint = eligible[i]!;
      if (endpoint === avoid) continue;
      const { share } = endpoint;
      const load = endpoint.load / share;
      if (best === null || load < least) {
        best = endpoint;
        least = load;
        tied = share;
      } else if (load === least) {
        tied += share;
        if (isLikely(share / tied, this.#rng)) best = endpoint;
      }
    }
    return best;
  }
}

/** `size` of the list that stand side by side, its end and beginning joined. */
function window<T>(list: readonly T[], size: number, rng: Rng): readonly T[] {
  const start = rng.below(list.length);
  const end = start + size;
  return end <= list.length ? list.slice(start, end) : [...list.slice(start), ...list.slice(0, end - list.length)];
}
