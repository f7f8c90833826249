import { readFileSync } from 'node:fs';
import type { ResolvedOptions } from '../config/options.ts';

/** Fewer descriptors than may be needed. */
export interface DescriptorShortage {
  /** `ulimit -n`. */
  readonly limit: number;
  readonly needed: number;
}

/** Of Node itself, the control API and its clients, logs, the guard, files that an app's reload looks at. */
const OWN = 48;
/** Of a balancer thread: its loop, its listeners, answers to clients that are refused. */
const PER_THREAD = 40;
/** Of a worker, and of the one that takes its place: its output, IPC, its process. */
const PER_WORKER = 8;
/** Of a worker in each thread: its link, the file by which requests are taken back. */
const PER_LINK = 4;

/** Fewer connections are no service; rather descriptors run out. */
const LEAST = 16;

/** Descriptors that this process may have open, as `ulimit -n` says; Infinity where that is not known. */
export function openFilesLimit(): number {
  try {
    // Node raises the soft limit to the hard one at its start.
    const match = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
    return match === null || match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Descriptors that all but clients and servers may need: also while every worker is replaced at once. */
export function descriptorsNeeded({ apps, threads }: ResolvedOptions): number {
  const workers = apps.reduce((sum, { workers, standby }) => sum + workers.max + standby, 0);
  return OWN + threads * PER_THREAD + workers * (PER_WORKER + threads * PER_LINK);
}

/** What is said at a start for which descriptors may not do; null = they do. @param limit see {@link openFilesLimit} */
export function descriptorShortage(limit: number, options: ResolvedOptions): DescriptorShortage | null {
  const needed = descriptorsNeeded(options) + LEAST;
  return limit < needed ? { limit, needed } : null;
}

/**
 * Client connections that descriptors allow in all threads together, when all else that needs them has its own. Where there are
 * pools of servers, a request needs one to its server as well.
 *
 * @param limit see {@link openFilesLimit}
 */
export function connectionsAllowed(limit: number, options: ResolvedOptions): number {
  const { apps, pools } = options;
  const left = limit - descriptorsNeeded(options);
  const hasUpstream = pools.length > 0 || apps.some(({ protocol }) => protocol === 'http');
  return Math.max(LEAST, hasUpstream ? Math.floor(left / 2) : left);
}
