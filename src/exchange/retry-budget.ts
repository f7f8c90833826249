/** Share of the requests of the window that may be run again. A fixed count per request breeds storms; a share cannot. */
const RETRY_SHARE = 0.2;

/** Retries a second that are always allowed, so that a quiet service can retry at all (Finagle's RetryBudget has 10). */
const MIN_RETRIES_PER_SECOND = 10;

const WINDOW_SECONDS = 10;

/** Bounds retries to a share of the requests of the last ten seconds. */
export class RetryBudget {
  readonly #requests = new Uint32Array(WINDOW_SECONDS);
  readonly #retries = new Uint32Array(WINDOW_SECONDS);
  #second = 0;

  /** A request came in. */
  deposit(nowMs: number): void {
    this.#requests[this.#slot(nowMs)]!++;
  }

  /** Takes one retry out of the budget. False when there is none left. */
  withdraw(nowMs: number): boolean {
    const slot = this.#slot(nowMs);
    let requests = 0;
    let retries = 0;
    for (let i = 0; i < WINDOW_SECONDS; i++) {
      requests += this.#requests[i]!;
      retries += this.#retries[i]!;
    }
    if (retries >= requests * RETRY_SHARE + MIN_RETRIES_PER_SECOND * WINDOW_SECONDS) return false;
    this.#retries[slot]!++;
    return true;
  }

  #slot(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      const passed = Math.min(second - this.#second, WINDOW_SECONDS);
      for (let i = 1; i <= passed; i++) {
        const slot = (this.#second + i) % WINDOW_SECONDS;
        this.#requests[slot] = 0;
        this.#retries[slot] = 0;
      }
      this.#second = second;
    }
    return second % WINDOW_SECONDS;
  }
}
