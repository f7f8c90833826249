import { hash32, mix32 } from '../core/hash.ts';
import type { HashMember } from './hash-members.ts';

/**
 * Points of a member of average weight. Fewer for many, for memory and the time it takes to build the ring; in steps, so
 * that one member more does not shift the points of all others.
 */
const POINTS: readonly (readonly [members: number, points: number])[] = [
  [128, 160],
  [1024, 40],
  [Number.POSITIVE_INFINITY, 16],
];

/** Members on a circle of 2^32, each at many points: Karger et al., "Consistent Hashing and Random Trees", 1997. */
export class HashRing {
  readonly #points: Uint32Array;
  /** For each point the member that it belongs to. */
  readonly #owners: Uint32Array;

  constructor(members: readonly HashMember[]) {
    const [, perMember] = POINTS.find(([most]) => members.length <= most)!;
    const mean = members.reduce((sum, { weight }) => sum + weight, 0) / members.length;
    const placed: number[] = [];
    members.forEach(({ identity, weight }, member) => {
      const base = hash32(identity);
      const count = Math.max(1, Math.round((perMember * weight) / mean));
      // Point and owner in one number, which is sorted faster than pairs are: 32 bits and up to 20.
      for (let i = 0; i < count; i++) placed.push(mix32(base + Math.imul(i + 1, 0x9e3779b9)) * 2 ** 20 + member);
    });
    const sorted = Float64Array.from(placed).sort();
    this.#points = Uint32Array.from(sorted, (value) => Math.floor(value / 2 ** 20));
    this.#owners = Uint32Array.from(sorted, (value) => value % 2 ** 20);
  }

  get size(): number {
    return this.#points.length;
  }

  /** Number of the first point at or after `key`, going round. */
  pointAfter(key: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! >= key) high = middle;
      else low = middle + 1;
    }
    return low === points.length ? 0 : low;
  }

  /** The member that a point belongs to; points go round. */
  ownerOf(point: number): number {
    return this.#owners[point % this.#owners.length]!;
  }
}
