import type { Rng } from '../../../src/core/rng.ts';

/** Pieces of such sizes travel in different ways. */
const EDGES: readonly number[] = [8_192, 8_193, 16_383, 16_384, 16_385, 65_536];

/** The smallest pieces are no more than so many, or a large body would never be through. */
const MAX_TINY = 100;

/** Cuts bytes at odd places: into many tiny pieces, uneven ones, large ones, or ones of the sizes that matter. */
export function cut(bytes: Buffer, rng: Rng): Buffer[] {
  const kind = rng.below(5);
  if (kind === 0) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = pieces.length < MAX_TINY * 4 ? lengthOf(kind, pieces.length, rng) : bytes.length;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function lengthOf(kind: number, index: number, rng: Rng): number {
  switch (kind) {
    case 1:
      return 1 + rng.below(index < MAX_TINY ? 20 : 60_000);
    case 2:
      return 1 + rng.below(9_000);
    case 3:
      return 1 + rng.below(100_000);
    default:
      return EDGES[rng.below(EDGES.length)]!;
  }
}
