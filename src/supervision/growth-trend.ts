/** What is looked at: the last minutes, and not what came before. */
const WINDOW_MS = 300_000;
/** Fewer say little. */
const MIN_SAMPLES = 15;
/** How much of the variation a straight line has to explain: memory that is collected now and then is no leak. */
const MIN_FIT = 0.8;
/** Growth that is slower than the limit is large, in the window, is not worth a word. */
const MIN_GROWTH_RATIO = 0.05;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** The memory of one process over time, and where that leads. */
export class GrowthTrend {
  readonly #samples: Sample[] = [];

  add(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
    while (this.#samples[0]!.atMs < atMs - WINDOW_MS) this.#samples.shift();
  }

  /**
   * When a limit will be crossed if it goes on as in the last minutes, by linear regression.
   * @returns ms from the last sample on; null where nothing speaks for it
   */
  crossesInMs(limitBytes: number): number | null {
    const samples = this.#samples;
    const count = samples.length;
    if (count < MIN_SAMPLES) return null;
    const last = samples[count - 1]!;
    const meanAtMs = samples.reduce((sum, { atMs }) => sum + atMs, 0) / count;
    const meanBytes = samples.reduce((sum, { bytes }) => sum + bytes, 0) / count;
    let times = 0;
    let sizes = 0;
    let both = 0;
    for (const { atMs, bytes } of samples) {
      times += (atMs - meanAtMs) ** 2;
      sizes += (bytes - meanBytes) ** 2;
      both += (atMs - meanAtMs) * (bytes - meanBytes);
    }
    if (times === 0 || sizes === 0 || both <= 0 || both ** 2 / (times * sizes) < MIN_FIT) return null;
    const bytesPerMs = both / times;
    const growth = bytesPerMs * (last.atMs - samples[0]!.atMs);
    if (growth < limitBytes * MIN_GROWTH_RATIO) return null;
    const now = meanBytes + bytesPerMs * (last.atMs - meanAtMs);
    return now >= limitBytes ? 0 : (limitBytes - now) / bytesPerMs;
  }
}
