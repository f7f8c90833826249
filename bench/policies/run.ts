import { POLICY_NAMES } from '../../src/balancing/policies.ts';
import { arrivalsOf, MEAN_SERVICE_MS } from './arrivals.ts';
import type { Scenario } from './scenario.ts';
import { sharedQueueTimes } from './shared-queue.ts';
import { simulate } from './simulation.ts';

/** In the place of a policy's name. */
export const IDEAL = 'shared queue';

const SEED = 20_240_416;

/** Percentiles of the time from a request's sending to its answer, in mean service times. */
export interface Row {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

export interface Result {
  readonly scenario: Scenario;
  /** The ideal first. */
  readonly rows: readonly Row[];
}

export function run(scenario: Scenario, policies: readonly string[] = POLICY_NAMES): Result {
  const arrivals = arrivalsOf(scenario, SEED);
  return {
    scenario,
    rows: [
      rowOf(IDEAL, sharedQueueTimes(scenario, arrivals)),
      ...policies.map((policy) => rowOf(policy, simulate(scenario, policy, arrivals, SEED))),
    ],
  };
}

function rowOf(name: string, timesMs: Float64Array): Row {
  const counted = timesMs.slice(Math.floor(timesMs.length / 5)).sort();
  const at = (part: number): number =>
    counted[Math.min(counted.length - 1, Math.floor(counted.length * part))]! / MEAN_SERVICE_MS;
  return { name, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}
