import type { EvenerProcess } from './evener-process.ts';

/** Process ids of the workers that have become ready so far, in that order; some may be gone again. */
export function workerPids(evener: EvenerProcess): number[] {
  return [...evener.stderr.matchAll(/worker \d+ ready \(pid (\d+)/g)].map((match) => Number(match[1]));
}
