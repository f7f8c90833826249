import type { RecentFacts } from './recent-rates.ts';

/** A sample a second: ten minutes. */
const KEPT_SAMPLES = 600;

type Column = (number | null)[];

/** What went on of late, a column for each figure: all are of one length, the newest last. */
export interface HistoryColumns {
  /** Unix time in seconds. */
  readonly times: number[];
  readonly requestsPerSecond: Column;
  readonly errorsPerSecond: Column;
  readonly p50Ms: Column;
  readonly p95Ms: Column;
  readonly p99Ms: Column;
}

/** The last minutes of one pool, so that who looks after something has happened still sees how it came. */
export class RecentHistory {
  readonly #columns: HistoryColumns = {
    times: [],
    requestsPerSecond: [],
    errorsPerSecond: [],
    p50Ms: [],
    p95Ms: [],
    p99Ms: [],
  };

  /** To be called once a second. @param time Unix time in seconds */
  add(time: number, facts: RecentFacts): void {
    const { times, ...figures } = this.#columns;
    times.push(time);
    for (const [name, column] of Object.entries(figures)) column.push(facts[name as keyof RecentFacts]);
    if (times.length <= KEPT_SAMPLES) return;
    for (const column of Object.values(this.#columns)) column.shift();
  }

  /** A copy. */
  read(): HistoryColumns {
    return structuredClone(this.#columns);
  }
}
