import type { Rng } from '../core/rng.ts';
import { LeastInFlight } from './least-in-flight.ts';
import type { Policy } from './policy.ts';

/** A new policy is one file and one line here. */
const POLICIES: Readonly<Record<string, (rng: Rng) => Policy>> = {
  'least-inflight': (rng) => new LeastInFlight(rng),
};

export const POLICY_NAMES: readonly string[] = Object.keys(POLICIES);

/** null when there is no policy of that name. */
export function createPolicy(name: string, rng: Rng): Policy | null {
  return POLICIES[name]?.(rng) ?? null;
}
