/** How often the silence of stalled workers is added up. */
const TICK_MS = 250;
/** A tick later than this was held up: the machine starves us too, and the excess is not laid to the workers. */
const LATE_TICK_MS = 2 * TICK_MS;

/**
 * Adds up how long workers have been silent, and calls out those beyond the limit. Only time in which the supervisor
 * itself was run counts: on a starved machine everyone is silent, and killing makes it worse.
 */
export class StallWatch {
  #limitMs: number;
  readonly #onHung: (worker: number, silentMs: number) => void;
  readonly #now: () => number;
  readonly #silentMs = new Map<number, number>();
  #timer: NodeJS.Timeout | null = null;
  #lastTickAtMs = 0;

  /** @param limitMs 0 = nobody is ever called out */
  constructor(
    limitMs: number,
    onHung: (worker: number, silentMs: number) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#limitMs = limitMs;
    this.#onHung = onHung;
    this.#now = now;
  }

  /** @param limitMs from now on, for those that are silent already, too; 0 = nobody is called out */
  setLimit(limitMs: number): void {
    this.#limitMs = limitMs;
  }

  stalled(worker: number, silentMs: number): void {
    // Several threads report the same worker.
    this.#silentMs.set(worker, Math.max(silentMs, this.#silentMs.get(worker) ?? 0));
    if (this.#timer !== null) return;
    this.#lastTickAtMs = this.#now();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** Whether its silence is being added up. */
  isStalled(worker: number): boolean {
    return this.#silentMs.has(worker);
  }

  /** Its event loop turns, however long it makes requests wait. */
  turning(worker: number): void {
    if (this.#silentMs.has(worker)) this.#silentMs.set(worker, 0);
  }

  recovered(worker: number): void {
    this.#silentMs.delete(worker);
    if (this.#silentMs.size === 0) this.close();
  }

  /** Called by its own timer; public for tests, which have their own clock. */
  tick(): void {
    const now = this.#now();
    const sinceMs = now - this.#lastTickAtMs;
    this.#lastTickAtMs = now;
    const countedMs = sinceMs > LATE_TICK_MS ? TICK_MS : sinceMs;
    for (const [worker, silentMs] of this.#silentMs) {
      const total = silentMs + countedMs;
      this.#silentMs.set(worker, total);
      if (this.#limitMs === 0 || total < this.#limitMs) continue;
      this.recovered(worker);
      this.#onHung(worker, total);
    }
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#silentMs.clear();
  }
}
