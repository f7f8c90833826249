import type { SupervisorEvent } from './events.ts';

const LOOK_EVERY_MS = 1_000;
/** Shedding is over when no request was refused for so long: a full queue lets some through now and then. */
const OVER_AFTER_MS = 5_000;
/** How often is told what has come together while it lasts. */
const TELL_EVERY_MS = 10_000;

/** Requests refused for want of capacity since the start, by pool. */
export type ShedCounts = ReadonlyMap<string, number>;

interface Spell {
  readonly sinceMs: number;
  requests: number;
  /** Not told yet. */
  fresh: number;
  lastMs: number;
  toldMs: number;
}

/** Compares counters of refused requests now and then, and tells when shedding begins, goes on, and is over. */
export class ShedWatch {
  readonly #read: () => ShedCounts;
  readonly #emit: (event: SupervisorEvent) => void;
  readonly #now: () => number;
  readonly #before = new Map<string, number>();
  readonly #spells = new Map<string, Spell>();
  readonly #timer: NodeJS.Timeout;

  /** @param now monotonic, ms */
  constructor(read: () => ShedCounts, emit: (event: SupervisorEvent) => void, now: () => number) {
    this.#read = read;
    this.#emit = emit;
    this.#now = now;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Every second by itself. */
  look(): void {
    const nowMs = this.#now();
    for (const [app, count] of this.#read()) {
      const before = this.#before.get(app) ?? 0;
      this.#before.set(app, count);
      // A counter that went back is that of a thread that began anew.
      if (count > before) this.#refused(app, count - before, nowMs);
    }
    for (const [app, spell] of this.#spells) {
      if (nowMs - spell.lastMs >= OVER_AFTER_MS) this.#over(app, spell);
      else if (nowMs - spell.toldMs >= TELL_EVERY_MS && spell.fresh > 0) this.#told(app, spell, nowMs);
    }
  }

  #refused(app: string, requests: number, nowMs: number): void {
    const known = this.#spells.get(app);
    if (known !== undefined) {
      known.requests += requests;
      known.fresh += requests;
      known.lastMs = nowMs;
      return;
    }
    const spell = { sinceMs: nowMs, requests, fresh: requests, lastMs: nowMs, toldMs: nowMs };
    this.#spells.set(app, spell);
    this.#told(app, spell, nowMs);
  }

  #told(app: string, spell: Spell, nowMs: number): void {
    const { fresh, requests, sinceMs } = spell;
    spell.fresh = 0;
    spell.toldMs = nowMs;
    this.#emit({ type: 'shedding', app, fresh, requests, lastsMs: nowMs - sinceMs });
  }

  #over(app: string, spell: Spell): void {
    this.#spells.delete(app);
    if (spell.fresh > 0) this.#told(app, spell, spell.lastMs);
    const { requests, lastMs, sinceMs } = spell;
    this.#emit({ type: 'shedding-over', app, requests, lastedMs: lastMs - sinceMs });
  }
}
