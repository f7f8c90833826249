/** The ideal that a balancer is held against: one queue, first come first served, in front of all workers. */

export interface Job {
  readonly atMs: number;
  readonly serviceMs: number;
}

/**
 * How long each job waits for a worker, by index. No job waits while any worker is free, none behind a blocked worker when
 * another frees up first: what a balancer could do if it lost no time and knew all. Jobs must be in order of arrival.
 */
export function sharedQueueWaitsMs(jobs: readonly Job[], workers: number): number[] {
  const freeAtMs = new Array<number>(workers).fill(0);
  return jobs.map(({ atMs, serviceMs }) => {
    const first = freeAtMs.indexOf(Math.min(...freeAtMs));
    const beginMs = Math.max(atMs, freeAtMs[first]!);
    freeAtMs[first] = beginMs + serviceMs;
    return beginMs - atMs;
  });
}
