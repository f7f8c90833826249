import type { Rng } from '../core/rng.ts';
import { BoundedHash } from './bounded-hash.ts';
import { First } from './first.ts';
import { LeastInFlight } from './least-in-flight.ts';
import { Maglev } from './maglev.ts';
import { PeakEwma } from './peak-ewma.ts';
import type { Policy } from './policy.ts';
import { Prequal } from './prequal.ts';
import { RandomTwo } from './random-two.ts';
import { RoundRobin } from './round-robin.ts';

/** What can be set of policies. */
export interface PolicyKnobs {
  /** `hash`: what an endpoint may have in flight, as a multiple of the average. More than 1. */
  readonly hashBound: number;
  /** `first`: requests in flight, for each unit of weight, after which the next endpoint is used. */
  readonly firstRoom: number;
}

export const DEFAULT_KNOBS: PolicyKnobs = Object.freeze({ hashBound: 1.25, firstRoom: 16 });

/** A new policy is one file and one line here. */
const POLICIES: ReadonlyMap<string, (rng: Rng, knobs: PolicyKnobs) => Policy> = new Map([
  ['least-inflight', (rng: Rng): Policy => new LeastInFlight(rng)],
  ['round-robin', (rng: Rng): Policy => new RoundRobin(rng)],
  ['random-two', (rng: Rng): Policy => new RandomTwo(rng)],
  ['peak-ewma', (rng: Rng): Policy => new PeakEwma(rng)],
  ['prequal', (rng: Rng): Policy => new Prequal(rng)],
  ['hash', (rng: Rng, knobs: PolicyKnobs): Policy => new BoundedHash(rng, knobs.hashBound)],
  ['maglev', (rng: Rng): Policy => new Maglev(rng)],
  ['first', (_rng: Rng, knobs: PolicyKnobs): Policy => new First(knobs.firstRoom)],
]);

export const POLICY_NAMES: readonly string[] = [...POLICIES.keys()];

/** null when there is no policy of that name. */
export function createPolicy(name: string, rng: Rng, knobs: PolicyKnobs = DEFAULT_KNOBS): Policy | null {
  return POLICIES.get(name)?.(rng, knobs) ?? null;
}
