import type { Rng } from '../core/rng.ts';

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 15_000;

/** How long to wait before the next try, by how many have failed in a row: doubled up to 15 s, half of it by chance. ms */
export function retryDelayMs(failures: number, rng: Rng): number {
  const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20));
  return longest / 2 + rng.below(longest / 2);
}
