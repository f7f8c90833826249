import type { Endpoint } from './endpoint.ts';

/**
 * Endpoints behind one policy. The eligible list changes when an endpoint crosses an edge, not when a request asks.
 */
export class Pool<T = unknown> {
  readonly #members = new Set<Endpoint<T>>();
  #eligible: Endpoint<T>[] = [];
  /** Told when an endpoint became eligible: what waits can go on. */
  #onEligible: () => void = () => {};

  get members(): ReadonlySet<Endpoint<T>> {
    return this.#members;
  }

  /** Never changed in place: safe to hold during a pick. */
  get eligible(): readonly Endpoint<T>[] {
    return this.#eligible;
  }

  onEligible(listener: () => void): void {
    this.#onEligible = listener;
  }

  /** Those that are not eligible but would get to a request in the end. */
  get usable(): Endpoint<T>[] {
    return [...this.#members].filter((endpoint) => endpoint.isUsable);
  }

  add(endpoint: Endpoint<T>): void {
    this.#members.add(endpoint);
    this.refresh(endpoint);
  }

  remove(endpoint: Endpoint<T>): void {
    this.#members.delete(endpoint);
    this.#eligible = this.#eligible.filter((other) => other !== endpoint);
  }

  /** An endpoint's fitness may have changed. */
  refresh(endpoint: Endpoint<T>): void {
    const listed = this.#eligible.includes(endpoint);
    if (endpoint.isEligible === listed) return;
    if (listed) {
      this.#eligible = this.#eligible.filter((other) => other !== endpoint);
      return;
    }
    this.#eligible = [...this.#eligible, endpoint];
    this.#onEligible();
  }
}
