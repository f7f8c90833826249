import { lognormal, pareto, type ServiceTimes } from './service-times.ts';

/** One situation in which all policies are compared. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Each takes one request at a time, in order of arrival. */
  readonly targets: number;
  /** They share the requests evenly. */
  readonly balancers: number;
  /** They are threads of one instance, and know what each has in flight. Else they know nothing of each other. */
  readonly areThreads: boolean;
  readonly serviceTimes: ServiceTimes;
  /** One target in {@link SLOW_SHARE} takes so many times as long as the others. 1 = all are alike. */
  readonly slowness: number;
  /** Requests, of which the first fifth is not counted. */
  readonly requests: number;
}

/** Part of what all targets can do that is asked of them. */
export const LOAD = 0.7;

export const SCENARIOS: readonly Scenario[] = [
  scenario('small', '10 targets', { targets: 10 }),
  scenario('heavy', '10 targets, heavier tail', { targets: 10, serviceTimes: pareto }),
  scenario('slow', '10 targets, one of them 4 times as slow', { targets: 10, slowness: 4 }),
  scenario('hundred', '100 targets', { targets: 100 }),
  scenario('threads', '100 targets, 4 threads of one balancer', { targets: 100, balancers: 4, areThreads: true }),
  scenario('four', '100 targets, 4 balancers', { targets: 100, balancers: 4 }),
  scenario('sixteen', '100 targets, 16 balancers', { targets: 100, balancers: 16 }),
  scenario('sixteen-slow', '100 targets, 10 of them 4 times as slow, 16 balancers', {
    targets: 100,
    balancers: 16,
    slowness: 4,
  }),
  scenario('thousand', '1,000 targets', { targets: 1000 }),
  scenario('ten-thousand', '10,000 targets', { targets: 10_000, requests: 400_000 }),
];

/** One in so many is slow, where any is. */
export const SLOW_SHARE = 10;

function scenario(name: string, title: string, facts: Partial<Scenario> & { targets: number }): Scenario {
  return {
    name,
    title,
    balancers: 1,
    areThreads: false,
    serviceTimes: lognormal,
    slowness: 1,
    requests: 300_000,
    ...facts,
  };
}

/** How many times as long a target takes. */
export function slownessOf({ slowness }: Scenario, target: number): number {
  return slowness > 1 && target % SLOW_SHARE === 0 ? slowness : 1;
}

/** Requests per mean service time that make up {@link LOAD}. */
export function rateOf(scenario: Scenario): number {
  let capacity = 0;
  for (let target = 0; target < scenario.targets; target++) capacity += 1 / slownessOf(scenario, target);
  return capacity * LOAD;
}
