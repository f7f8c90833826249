import type { HashMember } from '../../src/balancing/hash-members.ts';
import { mix32 } from '../../src/core/hash.ts';

const KEYS = 50_000;

/** `member 0` and so on. */
export function members(weights: readonly number[], from: number = 0): HashMember[] {
  return weights.map((weight, i) => ({ identity: `member ${from + i}`, weight }));
}

/** For each member the part of keys that it gets, as a multiple of its fair part. */
export function sharesOf(ownerOf: (key: number) => string, weights: readonly number[]): number[] {
  const counts = new Map<string, number>();
  for (let i = 0; i < KEYS; i++) {
    const owner = ownerOf(mix32(i));
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, i) => (counts.get(`member ${i}`) ?? 0) / ((KEYS * weight) / total));
}

/** Parts of keys: that went to or came from the one that has changed, and that changed between others. */
export function movedOf(
  before: (key: number) => string,
  after: (key: number) => string,
  changed: string,
): { moved: number; between: number } {
  let moved = 0;
  let between = 0;
  for (let i = 0; i < KEYS; i++) {
    const [from, to] = [before(mix32(i)), after(mix32(i))];
    if (from === to) continue;
    if (from === changed || to === changed) moved++;
    else between++;
  }
  return { moved: moved / KEYS, between: between / KEYS };
}
