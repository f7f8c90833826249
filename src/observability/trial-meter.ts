import { BUCKETS, bucketOf } from './histogram.ts';
import { sectionOf, sectionsOf, TRIAL_CELLS, TrialCell } from './shared-memory.ts';

/** What one thread counts of one side of a trial. */
export class TrialMeter {
  readonly #cells: Float64Array;

  constructor(block: SharedArrayBuffer, thread: number) {
    this.#cells = sectionOf(block, thread, TRIAL_CELLS);
  }

  finished(hasFailed: boolean): void {
    this.#cells[TrialCell.Requests]!++;
    if (hasFailed) this.#cells[TrialCell.Failures]!++;
  }

  /** The head of an answer came after so long, or the client left without it. */
  took(ms: number): void {
    this.#cells[TrialCell.Latencies + bucketOf(ms)]!++;
  }

  /** Requests have been waiting for so long now. In place of what was said before. */
  setWaiting(agesMs: readonly number[]): void {
    this.#cells.fill(0, TrialCell.Waiting, TrialCell.Waiting + BUCKETS);
    for (const ageMs of agesMs) this.#cells[TrialCell.Waiting + bucketOf(ageMs)]!++;
  }
}

/** One side of a trial as all threads have counted it so far. */
export interface TrialReading {
  readonly requests: number;
  readonly failures: number;
  /** By bucket; one that waits for its answer took at least as long as it has been waiting. */
  readonly latencies: Float64Array;
}

export function readTrial(block: SharedArrayBuffer): TrialReading {
  let [requests, failures] = [0, 0];
  const latencies = new Float64Array(BUCKETS);
  for (const cells of sectionsOf(block, TRIAL_CELLS)) {
    requests += cells[TrialCell.Requests]!;
    failures += cells[TrialCell.Failures]!;
    for (let i = 0; i < BUCKETS; i++) latencies[i]! += cells[TrialCell.Latencies + i]! + cells[TrialCell.Waiting + i]!;
  }
  return { requests, failures, latencies };
}
