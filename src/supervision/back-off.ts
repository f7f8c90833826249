import type { Rng } from '../core/rng.ts';

const FIRST_DELAY_MS = 100;
/** The longest wait, before jitter. */
export const MAX_DELAY_MS = 30_000;
/** Each delay is spread this much either way, so that workers which fell together do not rise together. */
const JITTER_RATIO = 0.25;

/** Waits before the next start: 0, then 100 ms doubling up to 30 s, each 25 % shorter or longer by chance. */
export class BackOff {
  readonly #rng: Rng;
  #attempts = 0;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** Delays handed out since the last reset. */
  get attempts(): number {
    return this.#attempts;
  }

  /**
   * ms until the next start.
   * @param capMs longest wait, before jitter
   */
  next(capMs: number = MAX_DELAY_MS): number {
    const attempt = this.#attempts++;
    if (attempt === 0) return 0;
    const base = Math.min(capMs, FIRST_DELAY_MS * 2 ** Math.min(attempt - 1, 30));
    const spread = Math.round(base * JITTER_RATIO);
    return base - spread + this.#rng.below(2 * spread + 1);
  }

  reset(): void {
    this.#attempts = 0;
  }
}
