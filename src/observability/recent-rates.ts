import { OUTCOMES } from '../core/outcome.ts';
import { BUCKETS, quantileMs } from './histogram.ts';
import type { PoolReading } from './pool-meter.ts';

/** What went on of late is that of so many samples, one a second. */
const WINDOW_SAMPLES = 10;

export interface RecentFacts {
  readonly requestsPerSecond: number;
  /** Answers with a status from 500 on, and those cut short by the endpoint. */
  readonly errorsPerSecond: number;
  /** null when nothing was finished. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

interface Sample {
  readonly atMs: number;
  readonly finished: number;
  readonly errors: number;
  readonly durations: Float64Array;
}

/** Rates and percentiles of one pool over the last seconds, from what it has counted in all. */
export class RecentRates {
  readonly #samples: Sample[] = [];

  /** To be called once a second. */
  sample(reading: PoolReading, nowMs: number): void {
    this.#samples.push(sampleOf(reading, nowMs));
    if (this.#samples.length > WINDOW_SAMPLES) this.#samples.shift();
  }

  /** From the oldest sample to now. */
  facts(reading: PoolReading, nowMs: number): RecentFacts {
    const now = sampleOf(reading, nowMs);
    const oldest = this.#samples[0];
    if (oldest === undefined || now.atMs <= oldest.atMs) {
      return { requestsPerSecond: 0, errorsPerSecond: 0, p50Ms: null, p95Ms: null, p99Ms: null };
    }
    const seconds = (now.atMs - oldest.atMs) / 1000;
    const counts = new Float64Array(BUCKETS);
    for (let i = 0; i < BUCKETS; i++) counts[i] = now.durations[i]! - oldest.durations[i]!;
    return {
      requestsPerSecond: rounded((now.finished - oldest.finished) / seconds),
      errorsPerSecond: rounded((now.errors - oldest.errors) / seconds),
      p50Ms: roundedOrNull(quantileMs(counts, 0.5)),
      p95Ms: roundedOrNull(quantileMs(counts, 0.95)),
      p99Ms: roundedOrNull(quantileMs(counts, 0.99)),
    };
  }
}

function sampleOf(reading: PoolReading, atMs: number): Sample {
  return { atMs, finished: reading.finished, errors: errorsIn(reading), durations: reading.durations };
}

function errorsIn(reading: PoolReading): number {
  let errors = 0;
  for (const { status, count } of reading.responses()) if (status >= 500) errors += count;
  const { outcomes } = reading;
  // Those with a status of their own are among the responses.
  OUTCOMES.forEach(({ side, status }, outcome) => {
    if (side === 'endpoint' && status === 0) errors += outcomes[outcome]!;
  });
  return errors;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

function roundedOrNull(value: number | null): number | null {
  return value === null ? null : rounded(value);
}
