import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { HashMembers } from './hash-members.ts';
import { HashRing } from './hash-ring.ts';
import { NO_KEY, type Policy } from './policy.ts';

/** What sums of shares may be off by; it must not make room for one more. */
const ROUNDING = 1e-9;

/** With up to so many endpoints all that is in flight is counted at every pick, with more at every nth. */
const COUNTED = 64;

/**
 * Consistent hashing with bounded loads: Mirrokni, Thorup and Zadimoghaddam, 2016 (SODA 2018), as HAProxy's
 * `hash-balance-factor`. The same key meets the same endpoint, unless that has more than `bound` times the average in
 * flight: then the next on the ring has it. So one popular key does not drown an endpoint, and no other key moves for it.
 */
export class BoundedHash implements Policy {
  readonly name = 'hash';
  readonly needsKey = true;
  readonly needsLatency = false;
  readonly #rng: Rng;
  readonly #bound: number;
  readonly #members = new HashMembers();
  #ring: HashRing | null = null;
  #list: readonly unknown[] = [];
  #shares = 0;
  /** Requests in flight, as counted {@link #uncounted} picks ago, and those picked since. */
  #inFlight = 0;
  #uncounted = 0;

  /** @param bound more than 1: what an endpoint may have in flight, of the average. */
  constructor(rng: Rng, bound: number) {
    this.#rng = rng;
    this.#bound = bound;
  }

  membersChanged(members: Iterable<Endpoint>): void {
    this.#members.set(members);
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null, key: number): Endpoint<T> | null {
    if (eligible.length === 0) return null;
    const list = eligible as readonly unknown[] as Endpoint[];
    if (this.#members.look(list)) this.#ring = new HashRing(this.#members.all);
    const allowed = this.#allowedPerShare(list);
    const ring = this.#ring!;
    const start = ring.pointAfter(key === NO_KEY ? this.#rng.below(2 ** 32) : key);
    for (let i = 0; i < ring.size; i++) {
      const place = this.#members.placeOf(ring.ownerOf(start + i));
      if (place === -1) continue;
      const endpoint = eligible[place]!;
      if (endpoint !== avoid && endpoint.inFlight < Math.ceil(allowed * endpoint.share - ROUNDING)) return endpoint;
    }
    return leastLoaded(eligible, avoid);
  }

  /** What a share may have in flight once this request is there, too. */
  #allowedPerShare(eligible: readonly Endpoint[]): number {
    if (eligible !== this.#list || ++this.#uncounted >= eligible.length / COUNTED) {
      let inFlight = 0;
      let shares = 0;
      for (let i = 0; i < eligible.length; i++) {
        inFlight += eligible[i]!.inFlight;
        shares += eligible[i]!.share;
      }
      this.#list = eligible;
      this.#inFlight = inFlight;
      this.#shares = shares;
      this.#uncounted = 0;
    }
    return (this.#bound * (this.#inFlight + this.#uncounted + 1)) / this.#shares;
  }
}

/** Reached only where the one to be avoided is the only one with room. */
function leastLoaded<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
  let best: Endpoint<T> | null = null;
  for (const endpoint of eligible) {
    if (endpoint === avoid) continue;
    if (best === null || endpoint.inFlight / endpoint.share < best.inFlight / best.share) best = endpoint;
  }
  return best;
}
