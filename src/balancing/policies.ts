import type { Rng } from '../core/rng.ts';
import { LeastInFlight } from './least-in-flight.ts';
import type { Policy } from './policy.ts';

/** A new policy is one file and one line here. */
const POLICIES: ReadonlyMap<string, (rng: Rng) => Policy> = new Map([
  ['least-inflight', (rng: Rng): Policy => new LeastInFlight(rng)],
]);

export const POLICY_NAMES: readonly string[] = [...POLICIES.keys()];

/** null when there is no policy of that name. */
export function createPolicy(name: string, rng: Rng): Policy | null {
  return POLICIES.get(name)?.(rng) ?? null;
}
