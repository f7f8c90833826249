import type { Arrivals } from './arrivals.ts';
import { EventHeap } from './event-heap.ts';
import { type Scenario, slownessOf } from './scenario.ts';

/**
 * The ideal: one queue before all targets (M/G/k), where whoever is free takes the request that has waited longest. No
 * balancer can have it, since it would have to know what every target does at the moment. Times in the system. ms
 */
export function sharedQueueTimes(scenario: Scenario, { atMs, serviceMs }: Arrivals): Float64Array {
  const free = new EventHeap();
  for (let target = 0; target < scenario.targets; target++) free.push(0, target);
  const times = new Float64Array(atMs.length);
  for (let i = 0; i < atMs.length; i++) {
    const beginMs = Math.max(atMs[i]!, free.earliest);
    const target = free.pop();
    const endMs = beginMs + serviceMs[i]! * slownessOf(scenario, target);
    free.push(endMs, target);
    times[i] = endMs - atMs[i]!;
  }
  return times;
}
