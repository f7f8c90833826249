import type { Endpoint } from '../pool/endpoint.ts';

/** In place of the key of a request that has none, or whose key nobody asked for. */
export const NO_KEY = -1;

/** Chooses the endpoint for one request. No I/O, no clock: what it compares lies on the endpoints. */
export interface Policy {
  readonly name: string;
  /** The same key is to meet the same endpoint: it wants to be handed one. */
  readonly needsKey: boolean;
  /** It compares {@link Endpoint.latency}: that is to be measured. */
  readonly needsLatency: boolean;
  /**
   * @param eligible endpoints that may be picked now; may be empty. Never changed in place, see Pool.eligible.
   * @param avoid one that must not be picked (it has just failed this request), or null.
   * @param key 32-bit hash, unsigned, of what is to stay together; {@link NO_KEY} unless {@link needsKey}.
   * @param nowMs monotonic.
   * @returns null when there is none.
   */
  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null, key: number, nowMs: number): Endpoint<T> | null;
  /** Who belongs to the pool, eligible or not, has changed, or the weight of one. For those that keep tables. */
  membersChanged?(members: Iterable<Endpoint>): void;
}
