import type { AppHistory, AppStatus, RecentStatus, WorkerStatus } from './api-types.ts';

/** A sample a second: ten minutes. */
export const KEPT_SAMPLES = 600;
/** What the strips of workers show, in samples. */
export const STRIP_SAMPLES = 120;
/** A longer silence is a gap in the lines. Seconds. */
const GAP_SECONDS = 4;

type Value = number | null;

/** What an app did of late, in columns as the charts want them. A gap is a sample of nulls. */
export interface AppSeries {
  /** Unix time in seconds, rising. */
  readonly times: number[];
  readonly requests: Value[];
  readonly errors: Value[];
  readonly p50: Value[];
  readonly p95: Value[];
  readonly p99: Value[];
}

/** What a worker did of late, one entry a sample, the newest last. */
export interface WorkerSeries {
  readonly inFlight: number[];
  /** 0-1; when it is stalled, 1. */
  readonly utilization: number[];
  readonly isStalled: boolean[];
  readonly memory: number[];
  /** Per second, over the last few samples. */
  requestsPerSecond: number;
}

interface WorkerRecord extends WorkerSeries {
  readonly counts: { readonly atMs: number; readonly requests: number }[];
}

/** The rate of a worker is that over so many samples. */
const RATE_SAMPLES = 5;

/** The last minutes, kept in the page. */
export class History {
  readonly #apps = new Map<string, AppSeries>();
  readonly #workers = new Map<string, WorkerRecord>();

  /** @param nowSeconds Unix time */
  addApps(apps: readonly AppStatus[], nowSeconds: number): void {
    for (const { name, recent } of apps) this.#add(name, recent, nowSeconds);
    for (const name of this.#apps.keys()) if (!apps.some((app) => app.name === name)) this.#apps.delete(name);
  }

  /** What Evener has kept of the time before the page was there. */
  seed(histories: readonly AppHistory[]): void {
    for (const { name, times, requestsPerSecond, errorsPerSecond, p50Ms, p95Ms, p99Ms } of histories) {
      this.#apps.set(name, {
        times: [...times],
        requests: [...requestsPerSecond],
        errors: [...errorsPerSecond],
        p50: [...p50Ms],
        p95: [...p95Ms],
        p99: [...p99Ms],
      });
    }
  }

  /** @param nowMs monotonic */
  addWorkers(workers: readonly WorkerStatus[], nowMs: number): void {
    const present = new Set(workers.map(keyOf));
    for (const key of this.#workers.keys()) if (!present.has(key)) this.#workers.delete(key);
    for (const worker of workers) {
      if (worker.pid !== null) this.#addWorker(worker, nowMs);
    }
  }

  app(name: string): AppSeries {
    let series = this.#apps.get(name);
    if (series === undefined) {
      series = { times: [], requests: [], errors: [], p50: [], p95: [], p99: [] };
      this.#apps.set(name, series);
    }
    return series;
  }

  /** null where nothing is known of it. */
  worker(worker: WorkerStatus): WorkerSeries | null {
    return this.#workers.get(keyOf(worker)) ?? null;
  }

  /** Another instance answers now: what was counted before is not its own. */
  clear(): void {
    this.#apps.clear();
    this.#workers.clear();
  }

  #add(name: string, recent: RecentStatus, nowSeconds: number): void {
    const series = this.app(name);
    const last = series.times.at(-1);
    if (last !== undefined) {
      if (nowSeconds <= last) return;
      if (nowSeconds - last > GAP_SECONDS) append(series, last + 1, null);
    }
    append(series, nowSeconds, recent);
  }

  #addWorker(worker: WorkerStatus, nowMs: number): void {
    const key = keyOf(worker);
    let record = this.#workers.get(key);
    if (record === undefined) {
      record = { inFlight: [], utilization: [], isStalled: [], memory: [], counts: [], requestsPerSecond: 0 };
      this.#workers.set(key, record);
    }
    const isStalled = worker.state === 'stalled';
    keep(record.inFlight, worker.inFlight, STRIP_SAMPLES);
    keep(record.isStalled, isStalled, STRIP_SAMPLES);
    keep(record.utilization, isStalled ? 1 : Math.min(1, worker.eventLoop.utilization), STRIP_SAMPLES);
    if (worker.memory !== null) keep(record.memory, worker.memory, KEPT_SAMPLES);
    keep(record.counts, { atMs: nowMs, requests: worker.requests }, RATE_SAMPLES + 1);
    const oldest = record.counts[0]!;
    const seconds = (nowMs - oldest.atMs) / 1000;
    record.requestsPerSecond = seconds > 0 ? Math.max(0, (worker.requests - oldest.requests) / seconds) : 0;
  }
}

/** A place may be filled anew by another process at any time. */
function keyOf({ app, slot, pid }: WorkerStatus): string {
  return `${app}/${slot}/${pid}`;
}

function append(series: AppSeries, time: number, recent: RecentStatus | null): void {
  keep(series.times, time, KEPT_SAMPLES);
  keep(series.requests, recent?.requestsPerSecond ?? null, KEPT_SAMPLES);
  keep(series.errors, recent?.errorsPerSecond ?? null, KEPT_SAMPLES);
  keep(series.p50, recent?.p50Ms ?? null, KEPT_SAMPLES);
  keep(series.p95, recent?.p95Ms ?? null, KEPT_SAMPLES);
  keep(series.p99, recent?.p99Ms ?? null, KEPT_SAMPLES);
}

function keep<T>(values: T[], value: T, limit: number): void {
  values.push(value);
  if (values.length > limit) values.shift();
}
