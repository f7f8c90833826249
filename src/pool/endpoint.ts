import type { Pool } from './pool.ts';

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
  /** Exchanges finished so far. */
  finished = 0;

  readonly #pools: Pool<T>[] = [];
  #isEnabled = true;
  #isStalled = false;
  #isVetoed = false;

  constructor(id: number, transport: T) {
    this.id = id;
    this.transport = transport;
  }

  /** Administration: false while it drains. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  /** Health: it misses beats. */
  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** May be picked now. */
  get isEligible(): boolean {
    return this.#isEnabled && !this.#isStalled && !this.#isVetoed;
  }

  setEnabled(isEnabled: boolean): void {
    this.#isEnabled = isEnabled;
    this.#tellPools();
  }

  setStalled(isStalled: boolean): void {
    this.#isStalled = isStalled;
    this.#tellPools();
  }

  /** Its own load report says that it would make a request wait. Heeded only while its pools have others to go to. */
  setVetoed(isVetoed: boolean): void {
    if (this.#isVetoed === isVetoed) return;
    if (isVetoed && !this.#pools.every((pool) => pool.hasEligibleBeside(this))) return;
    this.#isVetoed = isVetoed;
    this.#tellPools();
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
