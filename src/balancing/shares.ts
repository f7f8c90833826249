import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';

/** Fineness of chances: finer than any share, and far below the period of the generator. */
const PARTS = 2 ** 30;

/** All have the same share, so that weights need not be looked at. */
export function isUniform(endpoints: readonly Endpoint<never>[] | readonly Endpoint[]): boolean {
  for (let i = 1; i < endpoints.length; i++) if (endpoints[i]!.share !== endpoints[0]!.share) return false;
  return true;
}

/** True in the given part of cases, 0-1. */
export function isLikely(part: number, rng: Rng): boolean {
  return rng.below(PARTS) < part * PARTS;
}

/** A number from 0 up to, not including, `limit`. */
export function fraction(limit: number, rng: Rng): number {
  return (rng.below(PARTS) / PARTS) * limit;
}
