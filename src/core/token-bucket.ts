/** Lets a number of things pass at once, and then one each so often. */
export class TokenBucket {
  readonly #capacity: number;
  readonly #everyMs: number;
  #tokens: number;
  #atMs: number;

  /**
   * @param capacity how many pass at once, at least 1
   * @param everyMs how long one more takes
   * @param nowMs of any clock, the same in every call
   */
  constructor(capacity: number, everyMs: number, nowMs: number) {
    this.#capacity = capacity;
    this.#everyMs = everyMs;
    this.#tokens = capacity;
    this.#atMs = nowMs;
  }

  /** Whether one more may pass now. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens === 0) return false;
    this.#tokens--;
    return true;
  }

  /** Until the next one may pass. ms */
  waitMs(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens > 0 ? 0 : this.#atMs + this.#everyMs - nowMs;
  }

  #refill(nowMs: number): void {
    // A clock that was set back grants nothing, and takes nothing.
    if (nowMs < this.#atMs) this.#atMs = nowMs;
    const grown = Math.floor((nowMs - this.#atMs) / this.#everyMs);
    this.#tokens = Math.min(this.#capacity, this.#tokens + grown);
    this.#atMs = this.#tokens === this.#capacity ? nowMs : this.#atMs + grown * this.#everyMs;
  }
}
