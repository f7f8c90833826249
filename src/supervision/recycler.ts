import type { AppOptions } from '../config/options.ts';
import type { Rng } from '../core/rng.ts';
import type { SupervisorEvent } from './events.ts';
import { GrowthTrend } from './growth-trend.ts';
import type { WorkerFleet } from './worker-fleet.ts';
import { factsOf, type WorkerProcess } from './worker-process.ts';
import { WorkerState } from './worker-state.ts';

/** A worker so many times as large as it may be is ended at once: it grows faster than it can be replaced. */
const HARD_RATIO = 1.5;
/** Ages and counts are spread by so much either way, so that workers which started together do not end together. */
const JITTER_RATIO = 0.1;
/** How long workers are left alone when one could not be replaced. */
const PAUSE_MS = 30_000;
/** A worker that has just come grows without leaking. */
const WARM_UP_MS = 20_000;
/** What lies farther ahead is not announced. */
const HORIZON_MS = 600_000;

export interface RecyclerHost {
  readonly isClosing: boolean;
  /** Workers may be replaced: it runs, and no reload replaces them anyway. */
  mayReplace(): boolean;
  fleets(): readonly WorkerFleet[];
  /** Requests that a worker has finished. */
  requestsOf(worker: WorkerProcess): number;
  emit(event: SupervisorEvent): void;
}

/** What is kept of one worker. */
interface Record {
  readonly trend: GrowthTrend;
  /** Of its share of age and count, 0.9-1.1. */
  readonly spread: number;
  isAnnounced: boolean;
}

/**
 * Replaces workers that have grown too large, are too old or have served enough: one at a time, each by one that is ready
 * before it goes. Tells of one that will grow too large before it does.
 */
export class Recycler {
  readonly #host: RecyclerHost;
  readonly #rng: Rng;
  readonly #now: () => number;
  readonly #records = new WeakMap<WorkerProcess, Record>();
  #isReplacing = false;
  #pausedUntilMs = 0;

  constructor(host: RecyclerHost, rng: Rng, now: () => number = () => performance.now()) {
    this.#host = host;
    this.#rng = rng;
    this.#now = now;
  }

  /** The resident memory of processes, by pid, has been looked at. */
  looked(bytes: ReadonlyMap<number, number>): void {
    if (this.#host.isClosing) return;
    for (const fleet of this.#host.fleets()) {
      for (const worker of fleet.in(WorkerState.Ready)) this.#judge(fleet, worker, bytes.get(worker.pid) ?? null);
    }
  }

  #judge(fleet: WorkerFleet, worker: WorkerProcess, bytes: number | null): void {
    const { options } = fleet;
    const limitBytes = options.maxMemoryBytes;
    // That holds also while a reload, which may try a new version out for hours, replaces workers anyway.
    if (limitBytes !== null && bytes !== null && bytes > limitBytes * HARD_RATIO) {
      this.#host.emit({ type: 'worker-too-large', ...factsOf(worker), bytes, limitBytes, isKilled: true });
      fleet.endTooLarge(worker);
      return;
    }
    if (!this.#host.mayReplace() || fleet.slots.get(worker.slot)?.current !== worker) return;
    if (limitBytes !== null && bytes !== null) {
      if (bytes > limitBytes) {
        const event = { type: 'worker-too-large', ...factsOf(worker), bytes, limitBytes, isKilled: false } as const;
        this.#replace(fleet, worker, event);
        return;
      }
      this.#foresee(worker, bytes, limitBytes);
    }
    const expired = this.#expired(worker, options);
    if (expired !== null) this.#replace(fleet, worker, expired);
  }

  #expired(worker: WorkerProcess, { maxAgeMs, maxRequests }: AppOptions): SupervisorEvent | null {
    const { spread } = this.#recordOf(worker);
    const ageMs = this.#now() - worker.startedAtMs;
    if (maxAgeMs > 0 && ageMs > maxAgeMs * spread) {
      return { type: 'worker-expired', ...factsOf(worker), cause: 'age', value: ageMs, limit: maxAgeMs };
    }
    const requests = this.#host.requestsOf(worker);
    if (maxRequests > 0 && requests > maxRequests * spread) {
      return { type: 'worker-expired', ...factsOf(worker), cause: 'requests', value: requests, limit: maxRequests };
    }
    return null;
  }

  #foresee(worker: WorkerProcess, bytes: number, limitBytes: number): void {
    const now = this.#now();
    if (now - worker.startedAtMs - worker.bootMs < WARM_UP_MS) return;
    const record = this.#recordOf(worker);
    record.trend.add(now, bytes);
    if (record.isAnnounced) return;
    const inMs = record.trend.crossesInMs(limitBytes);
    if (inMs === null || inMs > HORIZON_MS) return;
    record.isAnnounced = true;
    this.#host.emit({ type: 'worker-will-outgrow', ...factsOf(worker), bytes, limitBytes, inMs });
  }

  #replace(fleet: WorkerFleet, worker: WorkerProcess, event: SupervisorEvent): void {
    if (this.#isReplacing || this.#now() < this.#pausedUntilMs) return;
    this.#host.emit(event);
    this.#isReplacing = true;
    fleet.slots
      .get(worker.slot)!
      .replace(fleet.options.drainLimitMs)
      .catch(() => {
        this.#pausedUntilMs = this.#now() + PAUSE_MS;
      })
      .finally(() => {
        this.#isReplacing = false;
      });
  }

  #recordOf(worker: WorkerProcess): Record {
    let record = this.#records.get(worker);
    if (record === undefined) {
      const spread = 1 + JITTER_RATIO * (this.#rng.below(2001) / 1000 - 1);
      record = { trend: new GrowthTrend(), spread, isAnnounced: false };
      this.#records.set(worker, record);
    }
    return record;
  }
}
