import type { WorkerProcess } from './worker-process.ts';

const LOOK_MS = 500;
/** Where no limit is set for workers that hang: one that has been told to go is not waited for without end. */
const DEFAULT_LIMIT_MS = 10_000;
/** From SIGTERM to SIGKILL. */
const NOTICE_MS = 1_000;

export interface SilentDrainsHost {
  /** Workers that have been told to go and may still have something in hand. */
  going(): Iterable<WorkerProcess>;
  isSilent(worker: WorkerProcess): boolean;
  /** How long one may be silent; 0 = no limit is set. */
  limitMsOf(worker: WorkerProcess): number;
}

/**
 * A worker that is told to finish what it has, and whose event loop does not turn, finishes nothing. It may come back and do
 * so, and gets as long for that as any that hangs; it is not waited for to the end of its drain, which others wait for, too.
 */
export class SilentDrains {
  readonly #host: SilentDrainsHost;
  readonly #sinceMs = new Map<WorkerProcess, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(host: SilentDrainsHost) {
    this.#host = host;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const silent = [...this.#host.going()].filter((worker) => this.#host.isSilent(worker));
    for (const worker of [...this.#sinceMs.keys()]) if (!silent.includes(worker)) this.#sinceMs.delete(worker);
    for (const worker of silent) {
      const sinceMs = this.#sinceMs.get(worker);
      if (sinceMs === undefined) this.#sinceMs.set(worker, nowMs);
      else if (nowMs - sinceMs >= (this.#host.limitMsOf(worker) || DEFAULT_LIMIT_MS))
        worker.dismiss('retired', NOTICE_MS);
    }
  }
}
