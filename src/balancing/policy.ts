import type { Endpoint } from '../pool/endpoint.ts';

/** Chooses the endpoint for one request. No I/O, no clock: what it compares lies on the endpoints. */
export interface Policy {
  readonly name: string;
  /**
   * @param eligible endpoints that may be picked now; may be empty.
   * @param avoid one that must not be picked (it has just failed this request), or null.
   * @returns null when there is none.
   */
  pick<T>(eligible: readonly Endpoint<T>[], avoid: Endpoint<T> | null): Endpoint<T> | null;
}
