import type { Outcome } from '../core/outcome.ts';
import { Latency } from './latency.ts';
import type { Pool } from './pool.ts';

/** A busy worker that has been silent for longer is asked whether its event loop turns. */
const QUIET_MS = 2;

/** So many requests more in flight elsewhere are still better than one at a worker that has vetoed itself. */
const VETO_LOAD = 4;

/** An older report of an endpoint's load tells nothing any more. */
const REPORT_MS = 50;

/** Other threads of this instance. */
export interface OthersInFlight {
  readonly othersInFlight: number;
}

/**
 * What a request can be sent to. The axes of its fitness are kept apart; only {@link isEligible} combines them, and the
 * pools it belongs to hear of it when that answer changes, so that picking never filters.
 *
 * @typeParam T what carries requests to it.
 */
export class Endpoint<T = unknown> {
  readonly id: number;
  readonly transport: T;
  /** Opened, not yet finished. */
  inFlight = 0;
  /** Those of them that are tunnels, which may be silent for ever: a worker that has nothing else is not busy. */
  tunnels = 0;
  /** Exchanges finished so far. */
  finished = 0;
  /** What it is known by across restarts and among balancers: a worker's slot, a server's address. Keys are hashed to it. */
  identity: string;
  /** Which life of {@link identity} this is: what the one before had in memory is gone. 0 where that is not known. */
  incarnation = 0;
  /** Pools use the lowest tier in which anybody is usable: 0 = primary, backups higher. To be set before it joins a pool, later by {@link setTier}. */
  tier = 0;
  /** Where it stands; '' = nowhere in particular. To be set before it joins a pool. */
  zone = '';
  /** How long it takes to answer; null until that was measured, which only some policies ask for. */
  latency: Latency | null = null;

  /** Hears how each exchange with it ended; for passive health. */
  onOutcome: ((outcome: Outcome, status: number, nowMs: number) => void) | null = null;

  readonly #ask: (() => void) | null;
  /** Since when it has been busy and not been heard of. Monotonic ms. */
  #quietSinceMs = 0;
  /** It was asked and has not answered. */
  #isHeldUp = false;
  readonly #pools: Pool<T>[] = [];
  /** Whose turn it is to have its room first. */
  #turn = 0;
  #isEnabled = true;
  #isStalled = false;
  #isVetoed = false;
  #weight = 1;
  #share = 1;
  /** Who knows what others have in flight there at this moment; null where nobody does. */
  #others: OthersInFlight | null = null;
  /** The same as it last reported, and when. */
  #reportedInFlight = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #isHealthy = true;
  #isReachable = true;
  #isEjected = false;
  /** Requests that it may have in flight, tunnels aside. */
  #maxRequests = Number.POSITIVE_INFINITY;
  #isFull = false;
  /** It was full and is so no longer, and those that wait for it have not been told. */
  #hasRoomUntold = false;

  /** @param ask asks it for a sign of life, upon which it is {@link heard}; null where it cannot be asked. */
  constructor(id: number, transport: T, ask: (() => void) | null) {
    this.id = id;
    this.identity = String(id);
    this.transport = transport;
    this.#ask = ask;
  }

  opened(nowMs: number): void {
    if (this.inFlight++ === this.tunnels) this.#quietSinceMs = nowMs;
    if (this.inFlight - this.tunnels >= this.#maxRequests) this.#setFull(true);
  }

  /** {@link tellRoom} has to follow once its transport knows, too. */
  closed(outcome: Outcome, status: number, nowMs: number): void {
    this.inFlight--;
    this.finished++;
    if (this.#isFull) this.#makeRoom();
    if (this.onOutcome !== null) this.onOutcome(outcome, status, nowMs);
  }

  /** One that is in flight has become a tunnel, which may last for days and takes no place from requests. {@link tellRoom} has to follow. */
  tunnelOpened(): void {
    this.tunnels++;
    if (this.#isFull) this.#makeRoom();
  }

  /** Such a one is about to be closed. */
  tunnelEnded(): void {
    this.tunnels--;
  }

  /** Whoever waits for it hears that it has room again, where that is news. */
  tellRoom(): void {
    if (!this.#hasRoomUntold) return;
    this.#hasRoomUntold = false;
    const { length } = this.#pools;
    // By turns: those who wait at one port are not to be kept out by a queue that stands at another.
    for (let i = 0; i < length && !this.#isFull; i++) this.#pools[(this.#turn + i) % length]?.tellEligible();
    this.#turn = (this.#turn + 1) % Math.max(1, length);
  }

  /** Several pools have it, such as those of the ports that an app listens on. */
  get isShared(): boolean {
    return this.#pools.length > 1;
  }

  /** For its pools, which see to it that whoever waits hears of it. @param maxRequests that it may have in flight, tunnels aside; Infinity = no limit */
  setMaxRequests(maxRequests: number): void {
    this.#maxRequests = maxRequests;
    const isFull = this.inFlight - this.tunnels >= maxRequests;
    this.#setFull(isFull);
  }

  /** Something came from it: its event loop turns. */
  heard(nowMs: number): void {
    this.#quietSinceMs = nowMs;
    if (this.#isHeldUp) this.#setHeldUp(false);
  }

  /** An exchange with it was answered, or failed, after so long. Only where the policy asks for it. */
  answered(latencyMs: number, isOk: boolean, nowMs: number): void {
    this.latency ??= new Latency();
    this.latency.observe(latencyMs, this.inFlight, isOk, nowMs);
  }

  /** From now on what others have in flight there counts as load, too. */
  shareLoad(others: OthersInFlight): void {
    this.#others = others;
  }

  /** Its own report: requests that it has in hand, those of other balancers included. */
  reported(inFlight: number, nowMs: number): void {
    this.#reportedInFlight = Math.max(0, inFlight - this.inFlight);
    this.#reportedAtMs = nowMs;
  }

  /** Of other balancers, as it reported a moment ago; 0 when that is longer ago. */
  reportedInFlight(nowMs: number): number {
    return nowMs - this.#reportedAtMs > REPORT_MS ? 0 : this.#reportedInFlight;
  }

  /** How many requests it gets beside the others, by configuration. 1-1000. */
  get weight(): number {
    return this.#weight;
  }

  setWeight(weight: number): void {
    this.#weight = weight;
    this.#share = weight;
    for (const pool of this.#pools) pool.reweigh(this);
  }

  /** The weight that counts now: less than {@link weight} while it starts slowly. More than 0. */
  get share(): number {
    return this.#share;
  }

  /** For the pool that lets it start slowly. `part`: of its weight, more than 0 and at most 1. */
  setShare(part: number): void {
    this.#share = this.#weight * part;
  }

  /** The number that policies compare. */
  get load(): number {
    const inFlight = this.#others === null ? this.inFlight : this.inFlight + this.#others.othersInFlight;
    return this.#isVetoed ? inFlight + VETO_LOAD : inFlight;
  }

  /**
   * Asks for a sign of life where it is busy and has been silent: its event loop may be held up by something it was given.
   * A loop that turns answers within 0.2 ms. Until then it is not eligible: what was sent to it now would only wait, and
   * may as well wait where the first free worker can have it.
   *
   * @returns whether it was asked.
   */
  askIfQuiet(nowMs: number): boolean {
    if (this.#ask === null || this.inFlight === this.tunnels || nowMs - this.#quietSinceMs <= QUIET_MS) return false;
    this.#setHeldUp(true);
    this.#ask();
    return true;
  }

  /** How long nothing has come from it, while it has been busy. ms */
  quietMs(nowMs: number): number {
    return this.inFlight === this.tunnels ? 0 : nowMs - this.#quietSinceMs;
  }

  /** It was asked in another way: until it is {@link heard} it is not picked, unless many wait. */
  holdUp(): void {
    this.#setHeldUp(true);
  }

  /** Administration: false while it drains. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Health: it misses beats. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** Health: the verdict of its checks. True where there are none. */
  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Health: connections to it can be made, as far as is known. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** Health: it was taken out for failing requests (`src/health/outliers.ts`). */
  get isEjected(): boolean {
    return this.#isEjected;
  }

  /** May be picked now. */
  get isEligible(): boolean {
    return this.isUsable && !this.#isHeldUp && !this.#isFull;
  }

  /** It has as many requests in flight as it may: more wait until it has finished one. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** May be picked when nobody is eligible and too many wait: it will get to it. */
  get isUsable(): boolean {
    return this.#isEnabled && !this.#isStalled && this.#isHealthy && this.#isReachable && !this.#isEjected;
  }

  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#tellPools();
  }

  setStalled(isStalled: boolean): void {
    this.#isStalled = isStalled;
    this.#tellPools();
  }

  setHealthy(isHealthy: boolean): void {
    this.#isHealthy = isHealthy;
    this.#tellPools();
  }

  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable;
    this.#tellPools();
  }

  setEjected(isEjected: boolean): void {
    this.#isEjected = isEjected;
    this.#tellPools();
  }

  /**
   * Its own report says that its loop was held up for long: others are preferred for a while. A preference and no more,
   * since by the time it can report it is free again.
   */
  setVetoed(isVetoed: boolean): void {
    this.#isVetoed = isVetoed;
  }

  #makeRoom(): void {
    if (this.inFlight - this.tunnels >= this.#maxRequests) return;
    this.#hasRoomUntold = true;
    this.#setFull(false);
  }

  #setFull(isFull: boolean): void {
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    for (const pool of this.#pools) pool.refreshRoom(this);
  }

  #setHeldUp(isHeldUp: boolean): void {
    this.#isHeldUp = isHeldUp;
    this.#tellPools();
  }

  setTier(tier: number): void {
    this.tier = tier;
    for (const pool of this.#pools) pool.retier();
  }

  join(pool: Pool<T>): void {
    this.#pools.push(pool);
    pool.add(this);
  }

  leave(pool: Pool<T>): void {
    const at = this.#pools.indexOf(pool);
    if (at === -1) return;
    this.#pools.splice(at, 1);
    pool.remove(this);
  }

  leaveAll(): void {
    for (const pool of [...this.#pools]) this.leave(pool);
  }

  #tellPools(): void {
    for (const pool of this.#pools) pool.refresh(this);
  }
}
