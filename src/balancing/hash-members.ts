import type { Endpoint } from '../pool/endpoint.ts';

/** Somebody that keys are hashed to. */
export interface HashMember {
  readonly identity: string;
  readonly weight: number;
}

/**
 * Who keys are hashed to: all members of a pool, whether they may be picked now or not, so that a moment's absence moves
 * only the keys of who is away, and those come back. Known by identity: a worker that takes another's place takes over
 * its keys. Sorted, so that all balancers agree.
 */
export class HashMembers {
  #members: readonly HashMember[] = [];
  readonly #indexes = new Map<string, number>();
  #list: readonly unknown[] | null = null;
  /** For each member its place in the list, -1 while it is not there. */
  #places = new Int32Array(0);
  #hasChanged = true;

  get all(): readonly HashMember[] {
    return this.#members;
  }

  /** The member's place in the list looked at last; -1 when it may not be picked now. */
  placeOf(member: number): number {
    return this.#places[member]!;
  }

  set(members: Iterable<Endpoint>): void {
    const byIdentity = new Map<string, HashMember>();
    for (const { identity, weight } of members) byIdentity.set(identity, { identity, weight });
    this.#members = [...byIdentity.values()].sort((a, b) => (a.identity < b.identity ? -1 : 1));
    this.#indexes.clear();
    for (let i = 0; i < this.#members.length; i++) this.#indexes.set(this.#members[i]!.identity, i);
    this.#places = new Int32Array(this.#members.length);
    this.#list = null;
    this.#hasChanged = true;
  }

  /** Finds out who of them may be picked now. @returns whether the members themselves have changed since. */
  look(eligible: readonly Endpoint[]): boolean {
    if (eligible !== this.#list) this.#find(eligible);
    const hasChanged = this.#hasChanged;
    this.#hasChanged = false;
    return hasChanged;
  }

  #find(eligible: readonly Endpoint[]): void {
    // A list of strangers: nobody has said who belongs to the pool.
    if (eligible.some(({ identity }) => !this.#indexes.has(identity))) this.set(eligible);
    this.#places.fill(-1);
    for (let i = 0; i < eligible.length; i++) this.#places[this.#indexes.get(eligible[i]!.identity)!] = i;
    this.#list = eligible;
  }
}
