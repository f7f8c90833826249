import type { Clock } from '../core/clock.ts';
import type { Endpoint } from './endpoint.ts';
import { preferred, preferredUsable } from './preference.ts';
import { SlowStart } from './slow-start.ts';

/** How a pool looks at its members. */
export interface PoolTraits {
  /** Where this balancer stands; '' = zones do not matter. */
  readonly zone: string;
  /** Window in which the weight of a newcomer grows. ms; 0 = it has its full weight at once. */
  readonly slowStartMs: number;
  /** The same for one that comes back: from a stall, an ejection, or where it could not be reached. */
  readonly returnMs: number;
  /** Requests that a member may have in flight, tunnels aside. Infinity = no limit. */
  readonly maxRequests: number;
}

/** No zones, no slow start, no limits. */
export const PLAIN_POOL: PoolTraits = Object.freeze({
  zone: '',
  slowStartMs: 0,
  returnMs: 0,
  maxRequests: Number.POSITIVE_INFINITY,
});

/**
 * Endpoints behind one policy. The eligible list changes when an endpoint crosses an edge, not when a request asks.
 */
export class Pool<T = unknown> {
  readonly #members = new Set<Endpoint<T>>();
  #traits: PoolTraits;
  readonly #clock: Clock | null;
  #slowStart: SlowStart<T> | null;
  #eligible: Endpoint<T>[] = [];
  /** Made when asked for. */
  #usable: Endpoint<T>[] | null = null;
  /** The same, without those that are full. */
  #roomy: Endpoint<T>[] | null = null;
  /** Tiers and zones make no difference between the members. */
  #isFlat = true;
  /** Told when an endpoint became eligible: what waits can go on. */
  #onEligible: () => void = () => {};
  #onMembers: () => void = () => {};
  /** Many change at once: lists are made, and listeners told, when they all have. */
  #areChanging = false;

  /** @param clock when a slow start begins; needed for that only. */
  constructor(traits: PoolTraits = PLAIN_POOL, clock: Clock | null = null) {
    this.#traits = traits;
    this.#clock = clock;
    this.#slowStart = this.#slowStartOf([]);
  }

  /** From now on it looks at its members so. Those that start slowly have their full weight at once. */
  configure(traits: PoolTraits): void {
    const { zone, slowStartMs, returnMs, maxRequests } = this.#traits;
    const isPlaced = zone === traits.zone && slowStartMs === traits.slowStartMs && returnMs === traits.returnMs;
    if (isPlaced && maxRequests === traits.maxRequests) return;
    this.#traits = traits;
    if (maxRequests !== traits.maxRequests) {
      for (const endpoint of this.#members) endpoint.setMaxRequests(traits.maxRequests);
      this.#onEligible();
    }
    if (isPlaced) return;
    for (const endpoint of this.#members) endpoint.setShare(1);
    this.#slowStart = this.#slowStartOf(this.#usableNow());
    this.#usableChanged();
    this.#membersChanged();
    this.#eligible = [...this.#eligible];
    if (this.#relist() > 0) this.#onEligible();
  }

  get members(): ReadonlySet<Endpoint<T>> {
    return this.#members;
  }

  /**
   * Never changed in place: safe to hold during a pick. Another list means that fitness, shares or members have changed,
   * so that what a policy works out from one holds until it is handed another.
   */
  get eligible(): readonly Endpoint<T>[] {
    return this.#eligible;
  }

  onEligible(listener: () => void): void {
    this.#onEligible = listener;
  }

  /** Told when somebody has come or gone, or has got another weight. */
  onMembers(listener: () => void): void {
    this.#onMembers = listener;
  }

  /** Those that may not be eligible but would get to a request in the end. Never changed in place. */
  get usable(): readonly Endpoint<T>[] {
    this.#usable ??= this.#isFlat ? this.#usableNow() : preferredUsable(this.#members, this.#traits.zone);
    return this.#usable;
  }

  /** Those of the usable that are not full. Never changed in place. */
  get roomy(): readonly Endpoint<T>[] {
    this.#roomy ??= this.usable.some((endpoint) => endpoint.isFull)
      ? this.usable.filter((endpoint) => !endpoint.isFull)
      : this.#usable!;
    return this.#roomy;
  }

  /**
   * Endpoints join, leave and are weighed anew in `change`, within which nobody may be picked. What each of them costs grows with
   * the members, as tables of policies do; so it is paid once for all.
   */
  changeTogether(change: () => void): void {
    this.#areChanging = true;
    try {
      change();
    } finally {
      this.#areChanging = false;
      this.#usableChanged();
      this.#membersChanged();
      // Another list, for shares may have changed as well.
      this.#eligible = [...this.#eligible];
      for (let fresh = this.#relist(); fresh > 0; fresh--) this.#onEligible();
    }
  }

  add(endpoint: Endpoint<T>): void {
    this.#members.add(endpoint);
    endpoint.setMaxRequests(this.#traits.maxRequests);
    this.#membersChanged();
    this.refresh(endpoint);
  }

  remove(endpoint: Endpoint<T>): void {
    this.#members.delete(endpoint);
    this.#slowStart?.remove(endpoint);
    if (this.#areChanging) return;
    this.#usableChanged();
    this.#eligible = this.#eligible.filter((other) => other !== endpoint);
    const wasFlat = this.#isFlat;
    this.#membersChanged();
    if (!wasFlat && this.#relist() > 0) this.#onEligible();
  }

  /** An endpoint's fitness may have changed. */
  refresh(endpoint: Endpoint<T>): void {
    this.#usableChanged();
    this.#slowStart?.refresh(endpoint, this.#clock!.nowMs);
    if (this.#list(endpoint)) this.#onEligible();
  }

  /** An endpoint has become full, or has room again; of the latter {@link tellEligible} tells when all know. */
  refreshRoom(endpoint: Endpoint<T>): void {
    this.#roomy = null;
    this.#list(endpoint);
  }

  /** What waits can go on. */
  tellEligible(): void {
    this.#onEligible();
  }

  /** An endpoint has got another weight. */
  reweigh(endpoint: Endpoint<T>): void {
    this.#slowStart?.reweigh(endpoint, this.#clock!.nowMs);
    if (this.#areChanging) return;
    this.#eligible = [...this.#eligible];
    this.#onMembers();
  }

  /** An endpoint has changed tiers. */
  retier(): void {
    this.#usableChanged();
    this.#membersChanged();
    if (this.#relist() > 0) this.#onEligible();
  }

  /** To be called now and then: those that start slowly grow. */
  step(nowMs: number): void {
    if (this.#slowStart?.step(nowMs)) this.#eligible = [...this.#eligible];
  }

  /** Puts one endpoint in the eligible list or takes it out. @returns whether somebody is in it that was not */
  #list(endpoint: Endpoint<T>): boolean {
    if (this.#areChanging) return false;
    if (!this.#isFlat) return this.#relist() > 0;
    const listed = this.#eligible.includes(endpoint);
    if (endpoint.isEligible === listed) return false;
    this.#eligible = listed ? this.#eligible.filter((other) => other !== endpoint) : [...this.#eligible, endpoint];
    return !listed;
  }

  #slowStartOf(usable: readonly Endpoint<T>[]): SlowStart<T> | null {
    const { slowStartMs, returnMs } = this.#traits;
    return slowStartMs + returnMs > 0 ? new SlowStart(slowStartMs, returnMs, usable) : null;
  }

  #usableChanged(): void {
    this.#usable = null;
    this.#roomy = null;
  }

  #usableNow(): Endpoint<T>[] {
    return [...this.#members].filter((endpoint) => endpoint.isUsable);
  }

  #membersChanged(): void {
    if (this.#areChanging) return;
    const [first] = this.#members;
    const { zone } = this.#traits;
    this.#isFlat = true;
    for (const { tier, zone: other } of this.#members) {
      if (tier !== first!.tier || (zone !== '' && other !== first!.zone)) this.#isFlat = false;
    }
    this.#onMembers();
  }

  /** @returns how many are eligible that were not */
  #relist(): number {
    const before = this.#eligible;
    const now = preferred(this.#members, this.#traits.zone);
    if (now.length === before.length && now.every((endpoint, i) => endpoint === before[i])) return 0;
    this.#eligible = now;
    const listed = new Set(before);
    return now.filter((endpoint) => !listed.has(endpoint)).length;
  }
}
