import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import type { Policy } from './policy.ts';

/**
 * Least in-flight per request: "join the shortest queue" (Winston, "Optimality of the shortest line discipline", 1977).
 * With full information of one balancer it is the best that needs no knowledge of service times. Ties go evenly, by
 * reservoir sampling, so that a newcomer with nothing in flight is not stampeded by order of the list.
 */
export class LeastInFlight implements Policy {
  readonly name = 'least-inflight';
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
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
}
