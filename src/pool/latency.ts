/** An answer counts for half after 0.7 times as long, and what was measured is forgotten at the same pace. */
const DECAY_MS = 10_000;

/** Each answer moves the estimate for its load by this part. */
const STEP = 1 / 8;

/** Loads of 0, 1, 2-3, 4-7 and so on are measured apart; the last is for all from 1,024 on. */
const LOADS = 12;

/** Less than this cannot be told from nothing. */
const LEAST_MS = 0.001;

/**
 * How long an endpoint takes to answer, in two readings.
 *
 * {@link peakMs} is Finagle's peak EWMA (`com.twitter.finagle.loadbalancer.PeakEwma`, 2015): it jumps to a slow answer at
 * once and comes down over {@link DECAY_MS}. {@link atLoadMs} is what Prequal asks for (Wydrowski et al., "Load is not
 * what you should balance", NSDI 2024, section 4): the latency to be expected at a given number of requests in flight.
 *
 * Both fade while nothing is measured, so that an endpoint that was slow once is tried again.
 */
export class Latency {
  #peakMs = 0;
  #peakAtMs = 0;
  readonly #byLoad = new Float64Array(LOADS);
  readonly #measuredAtMs = new Float64Array(LOADS);

  /**
   * @param load requests in flight, this one included.
   * @param isOk a failure never makes an endpoint look fast: it counts as no better than what was known.
   */
  observe(latencyMs: number, load: number, isOk: boolean, nowMs: number): void {
    const measuredMs = Math.max(latencyMs, LEAST_MS);
    const peakMs = this.peakMs(nowMs);
    const held = isOk ? measuredMs : Math.max(measuredMs, this.#peakMs);
    const weight = Math.exp(-Math.max(0, nowMs - this.#peakAtMs) / DECAY_MS);
    this.#peakMs = held > peakMs ? held : peakMs + held * (1 - weight);
    this.#peakAtMs = nowMs;

    const at = bucketOf(load);
    const before = this.#faded(at, nowMs);
    if (!isOk) this.#byLoad[at] = Math.max(measuredMs, this.#byLoad[at]!);
    else this.#byLoad[at] = before === 0 ? measuredMs : before + (measuredMs - before) * STEP;
    this.#measuredAtMs[at] = nowMs;
  }

  /** 0 = not known. */
  peakMs(nowMs: number): number {
    return this.#peakMs * fading(nowMs - this.#peakAtMs);
  }

  /** What to expect with so many requests in flight; 0 = nothing is known. Of the nearest load that was measured. */
  atLoadMs(load: number, nowMs: number): number {
    const at = bucketOf(load);
    for (let distance = 0; distance < LOADS; distance++) {
      const below = at - distance;
      if (below >= 0 && this.#byLoad[below]! > 0) return this.#faded(below, nowMs);
      const above = at + distance;
      if (above < LOADS && this.#byLoad[above]! > 0) return this.#faded(above, nowMs);
    }
    return 0;
  }

  #faded(at: number, nowMs: number): number {
    return this.#byLoad[at]! * fading(nowMs - this.#measuredAtMs[at]!);
  }
}

function fading(ageMs: number): number {
  return Math.exp(-Math.max(0, ageMs) / DECAY_MS);
}

function bucketOf(load: number): number {
  return Math.min(LOADS - 1, 32 - Math.clz32(load));
}
