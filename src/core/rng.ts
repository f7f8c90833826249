/** Random numbers for choices between equals. Seeded in tests, so that a choice can be repeated. */
export interface Rng {
  /** An integer from 0 to n - 1, n >= 1. */
  below(n: number): number;
}

/**
 * xorshift32 (Marsaglia, "Xorshift RNGs", 2003): 3 shifts a number, which is enough for spreading ties and jitter.
 * Never for secrets.
 */
export class XorShift implements Rng {
  #state: number;

  /** Any seed but 0, which is replaced. */
  constructor(seed: number = Math.floor(Math.random() * 0xffffffff)) {
    this.#state = seed >>> 0 || 0x9e3779b9;
  }

  below(n: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % n;
  }
}
