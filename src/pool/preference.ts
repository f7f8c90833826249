import type { Endpoint } from './endpoint.ts';

/**
 * So much of the own zone must be usable for it to be kept to; Envoy's overprovisioning factor of 1.4 comes to the same.
 * Below it requests go to all zones of the tier alike, since those left in the own zone would have to carry its whole load.
 */
const ZONE_MIN_USABLE = 0.7;

/**
 * Members that may be picked now. Higher tiers are backups: a tier is used when nobody in those below is usable. One that
 * is merely held up counts as usable, so that a busy moment does not send requests to the backups. Within the tier
 * those of the own zone come first, while enough of them are usable.
 *
 * @param zone where this balancer stands; '' = zones do not matter.
 */
export function preferred<T>(members: Iterable<Endpoint<T>>, zone: string): Endpoint<T>[] {
  const inTier = lowestTier(members);
  const local = localOf(inTier, zone);
  const eligible = (local ?? inTier).filter((endpoint) => endpoint.isEligible);
  if (local === null || eligible.length > 0) return eligible;
  return inTier.filter((endpoint) => endpoint.isEligible);
}

/** Those of them that are not eligible but would get to a request in the end. */
export function preferredUsable<T>(members: Iterable<Endpoint<T>>, zone: string): Endpoint<T>[] {
  const inTier = lowestTier(members);
  return (localOf(inTier, zone) ?? inTier).filter((endpoint) => endpoint.isUsable);
}

/** All members of the lowest tier in which anybody is usable. */
function lowestTier<T>(members: Iterable<Endpoint<T>>): Endpoint<T>[] {
  let tier = Number.POSITIVE_INFINITY;
  for (const endpoint of members) if (endpoint.isUsable && endpoint.tier < tier) tier = endpoint.tier;
  return [...members].filter((endpoint) => endpoint.tier === tier);
}

/** Those of the own zone; null when the zone does not matter, or too little of it is usable. */
function localOf<T>(inTier: readonly Endpoint<T>[], zone: string): Endpoint<T>[] | null {
  if (zone === '') return null;
  const local = inTier.filter((endpoint) => endpoint.zone === zone);
  const usable = local.filter((endpoint) => endpoint.isUsable).length;
  return usable === 0 || usable < local.length * ZONE_MIN_USABLE ? null : local;
}
