import type { SupervisorEvent } from './events.ts';

const LOOK_EVERY_MS = 1_000;
/** It is over when no client was refused, and none made room for another, for so long. */
const OVER_AFTER_MS = 5_000;

/** So far. */
export interface ConnectionCounts {
  readonly refusedTotal: number;
  readonly refusedAddress: number;
  readonly closedForRoom: number;
  readonly acceptPauses: number;
}

interface Spell {
  readonly sinceMs: number;
  lastMs: number;
  refused: number;
  closed: number;
  pauses: number;
}

/** Compares counters of refused connections now and then, and tells when that begins and is over. */
export class ConnectionWatch {
  readonly #read: () => ConnectionCounts;
  readonly #whyTotal: () => 'limit' | 'descriptors';
  readonly #emit: (event: SupervisorEvent) => void;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #before: ConnectionCounts = { refusedTotal: 0, refusedAddress: 0, closedForRoom: 0, acceptPauses: 0 };
  /** null while nobody is refused. */
  #spell: Spell | null = null;

  /**
   * @param whyTotal what limits them in total
   * @param now monotonic, ms
   */
  constructor(
    read: () => ConnectionCounts,
    whyTotal: () => 'limit' | 'descriptors',
    emit: (event: SupervisorEvent) => void,
    now: () => number,
  ) {
    this.#read = read;
    this.#whyTotal = whyTotal;
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
    const counts = this.#read();
    // A counter that went back is that of a thread that began anew.
    const since = (key: keyof ConnectionCounts): number => Math.max(0, counts[key] - this.#before[key]);
    const [total, address, closed] = [since('refusedTotal'), since('refusedAddress'), since('closedForRoom')];
    const pauses = since('acceptPauses');
    this.#before = counts;
    if (total + address + closed + pauses === 0) {
      if (this.#spell !== null && nowMs - this.#spell.lastMs >= OVER_AFTER_MS) this.#over(this.#spell);
      return;
    }
    const refused = total + address;
    if (this.#spell === null) {
      this.#spell = { sinceMs: nowMs, lastMs: nowMs, refused, closed, pauses };
      const why = total + closed + pauses === 0 ? 'address' : this.#whyTotal();
      this.#emit({ type: 'connections-limited', why, refused, closed, pauses });
      return;
    }
    this.#spell.lastMs = nowMs;
    this.#spell.refused += refused;
    this.#spell.closed += closed;
    this.#spell.pauses += pauses;
  }

  #over({ sinceMs, lastMs, refused, closed, pauses }: Spell): void {
    this.#spell = null;
    this.#emit({ type: 'connections-limited-over', refused, closed, pauses, lastedMs: lastMs - sinceMs });
  }
}
