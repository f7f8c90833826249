import { hash32, mix32 } from '../core/hash.ts';
import type { HashMember } from './hash-members.ts';

/** Primes. The paper's small and large tables: more than 100 entries a member keep shares within 1 %. */
const SIZES: readonly (readonly [members: number, entries: number])[] = [
  [650, 65_537],
  [Number.POSITIVE_INFINITY, 655_373],
];

/**
 * The lookup table of Maglev: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4. Every member has a permutation of all entries, and the members take turns in claiming their next free
 * one; one of higher weight gets more turns.
 */
export class MaglevTable {
  readonly #owners: Int32Array;

  constructor(members: readonly HashMember[]) {
    const [, size] = SIZES.find(([most]) => members.length <= most)!;
    this.#owners = fill(members, size);
  }

  /** The member that has the key. */
  ownerOf(key: number): number {
    return this.#owners[key % this.#owners.length]!;
  }
}

function fill(members: readonly HashMember[], size: number): Int32Array {
  const owners = new Int32Array(size).fill(-1);
  if (members.length === 0) return owners;
  const heaviest = members.reduce((most, { weight }) => Math.max(most, weight), 0);
  const next = members.map(({ identity }) => hash32(identity) % size);
  const steps = members.map(({ identity }) => (mix32(hash32(identity) ^ 0x5bd1e995) % (size - 1)) + 1);
  const turns = new Float64Array(members.length);
  for (let claimed = 0; ; ) {
    for (let i = 0; i < members.length; i++) {
      turns[i]! += members[i]!.weight / heaviest;
      if (turns[i]! < 1) continue;
      turns[i]!--;
      let at = next[i]!;
      while (owners[at] !== -1) at = (at + steps[i]!) % size;
      owners[at] = i;
      next[i] = (at + steps[i]!) % size;
      if (++claimed === size) return owners;
    }
  }
}
