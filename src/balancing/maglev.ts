import { mix32 } from '../core/hash.ts';
import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { HashMembers } from './hash-members.ts';
import { MaglevTable } from './maglev-table.ts';
import { NO_KEY, type Policy } from './policy.ts';

/** Entries tried for a key whose own endpoint may not be picked now, before all are looked at. */
const TRIES = 8;

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016): one look into a table. Shares are even to the percent, a little more than
 * its own keys move when a member comes or goes, and load plays no part: what is right for caches, and for endpoints that
 * many balancers must agree on.
 *
 * The table holds all members. The keys of one that may not be picked now go to the others, each to another entry of
 * the table; those of the others stay.
 */
export class Maglev implements Policy {
  readonly name = 'maglev';
  readonly needsKey = true;
  readonly needsLatency = false;
  readonly #rng: Rng;
  readonly #members = new HashMembers();
  #table: MaglevTable | null = null;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  membersChanged(members: Iterable<Endpoint>): void {
    this.#members.set(members);
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null, key: number): Endpoint<T> | null {
    if (eligible.length === 0) return null;
    if (this.#members.look(eligible as readonly unknown[] as Endpoint[])) {
      this.#table = new MaglevTable(this.#members.all);
    }
    const own = key === NO_KEY ? this.#rng.below(2 ** 32) : key;
    for (let i = 0, at = own; i < TRIES; i++, at = mix32(at + 0x9e3779b9)) {
      const place = this.#members.placeOf(this.#table!.ownerOf(at));
      if (place !== -1 && eligible[place] !== avoid) return eligible[place]!;
    }
    const start = mix32(own) % eligible.length;
    for (let i = 0; i < eligible.length; i++) {
      const endpoint = eligible[(start + i) % eligible.length]!;
      if (endpoint !== avoid) return endpoint;
    }
    return null;
  }
}
