import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { fraction, isUniform } from './shares.ts';

/** A draw that hits what is excluded is repeated so often before the list is searched for another. */
const TRIES = 8;

/** Draws endpoints by chance, in proportion to their shares. */
export class Draw {
  readonly #rng: Rng;
  #list: readonly unknown[] = [];
  /** Shares added up, where they differ; null where they do not. */
  #sums: Float64Array | null = null;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** One that is none of those two; null when there is no other. */
  one<T>(eligible: readonly Endpoint<T>[], not: Endpoint<T> | null, nor: Endpoint<T> | null): Endpoint<T> | null {
    if (eligible !== this.#list) this.#look(eligible);
    const { length } = eligible;
    if (length === 0) return null;
    for (let i = 0; i < TRIES; i++) {
      const drawn = eligible[this.#sums === null ? this.#rng.below(length) : this.#indexIn(this.#sums)]!;
      if (drawn !== not && drawn !== nor) return drawn;
    }
    const start = this.#rng.below(length);
    for (let i = 0; i < length; i++) {
      const other = eligible[(start + i) % length]!;
      if (other !== not && other !== nor) return other;
    }
    return null;
  }

  #look(eligible: readonly Endpoint<never>[] | readonly Endpoint[]): void {
    this.#list = eligible;
    this.#sums = null;
    if (isUniform(eligible)) return;
    this.#sums = new Float64Array(eligible.length);
    let sum = 0;
    for (let i = 0; i < eligible.length; i++) {
      sum += eligible[i]!.share;
      this.#sums[i] = sum;
    }
  }

  #indexIn(sums: Float64Array): number {
    const sought = fraction(sums[sums.length - 1]!, this.#rng);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! > sought) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
