import { seededRandom } from '../e2e/load/seeded-random.ts';
import { rateOf, type Scenario } from './scenario.ts';

/** Clients, for each target; each asks equally often, and its name is the key of policies that go by one. */
const CLIENTS_PER_TARGET = 1000;

/** All requests of a run: the same for every policy. Times in ms. */
export interface Arrivals {
  readonly atMs: Float64Array;
  readonly serviceMs: Float64Array;
  readonly balancers: Uint8Array;
  readonly clients: Uint32Array;
}

/** Mean time that a request takes. */
export const MEAN_SERVICE_MS = 10;

/** Requests come independently of each other: Poisson. */
export function arrivalsOf(scenario: Scenario, seed: number): Arrivals {
  const { requests, targets, balancers, serviceTimes } = scenario;
  const random = seededRandom(seed);
  const gapMs = MEAN_SERVICE_MS / rateOf(scenario);
  const arrivals: Arrivals = {
    atMs: new Float64Array(requests),
    serviceMs: new Float64Array(requests),
    balancers: new Uint8Array(requests),
    clients: new Uint32Array(requests),
  };
  let nowMs = 0;
  for (let i = 0; i < requests; i++) {
    nowMs -= Math.log(1 - random()) * gapMs;
    arrivals.atMs[i] = nowMs;
    arrivals.serviceMs[i] = serviceTimes(random) * MEAN_SERVICE_MS;
    arrivals.balancers[i] = Math.floor(random() * balancers);
    arrivals.clients[i] = Math.floor(random() * targets * CLIENTS_PER_TARGET);
  }
  return arrivals;
}
