/** Memory of processes, from /proc/<pid>/smaps_rollup, which is exact where statm and status lag behind. */

import { readProc } from './process-tree.ts';

export interface Memory {
  /** Resident: every page counted in full. */
  readonly rssKiB: number;
  /** Proportional: a page that n processes share counts 1/n in each. */
  readonly pssKiB: number;
}

export function readMemory(pids: readonly number[]): Memory {
  let rssKiB = 0;
  let pssKiB = 0;
  for (const pid of pids) {
    const text = readProc(pid, 'smaps_rollup') ?? '';
    rssKiB += Number(/^Rss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
    pssKiB += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }
  return { rssKiB, pssKiB };
}

/** Reads once the figure has stopped moving (under 0.5 % from one second to the next), or at the deadline. */
export async function readSettledMemory(pids: () => readonly number[], limitMs = 8_000): Promise<Memory> {
  const deadlineMs = performance.now() + limitMs;
  let before = readMemory(pids());
  while (performance.now() < deadlineMs) {
    await new Promise((done) => setTimeout(done, 1_000));
    const now = readMemory(pids());
    if (Math.abs(now.rssKiB - before.rssKiB) < before.rssKiB * 0.005) return now;
    before = now;
  }
  return before;
}
