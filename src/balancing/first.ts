import type { Endpoint } from '../pool/endpoint.ts';
import type { Policy } from './policy.ts';

/**
 * The first that has room, in the order in which they came: as HAProxy's `balance first`. It keeps the work together,
 * so that those at the end are idle when there is little of it and can be scaled away. Where nobody has room it is the one
 * with the least in flight.
 */
export class First implements Policy {
  readonly name = 'first';
  readonly needsKey = false;
  readonly needsLatency = false;
  /** Requests in flight that an endpoint has room for, for each unit of its weight. */
  readonly #room: number;
  #ranks: ReadonlyMap<Endpoint, number> = new Map();
  #list: readonly unknown[] = [];
  /** Places in {@link #list}, in the order in which they are filled. */
  #order: number[] = [];

  /** @param room 1 or more */
  constructor(room: number) {
    this.#room = room;
  }

  membersChanged(members: Iterable<Endpoint>): void {
    this.#ranks = new Map([...members].map((endpoint, rank) => [endpoint, rank]));
    this.#list = [];
  }

  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null {
    if (eligible !== this.#list) this.#look(eligible as readonly unknown[] as Endpoint[]);
    let best: Endpoint<T> | null = null;
    let least = 0;
    for (const at of this.#order) {
      const endpoint = eligible[at]!;
      if (endpoint === avoid) continue;
      const load = endpoint.load / endpoint.share;
      if (load < this.#room) return endpoint;
      if (best === null || load < least) {
        best = endpoint;
        least = load;
      }
    }
    return best;
  }

  #look(eligible: readonly Endpoint[]): void {
    const ranks = eligible.map((endpoint) => this.#ranks.get(endpoint) ?? Number.POSITIVE_INFINITY);
    this.#list = eligible;
    // Those not known stay in the order of the list: the sort is stable.
    this.#order = eligible.map((_, at) => at).sort((a, b) => (ranks[a] === ranks[b] ? 0 : ranks[a]! - ranks[b]!));
  }
}
