import { setTimeout } from '../core/timers.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker that lost a link and neither exits nor dials in again within this is not waited for any longer. */
const LIMIT_MS = 5_000;

export interface LinkWatchHost {
  readonly isClosing: boolean;
  /** Whether this balancer thread runs just now. */
  isRunning(thread: number): boolean;
  /** Whether it leaves beats of other threads unanswered. */
  isStalled(worker: WorkerProcess): boolean;
  /** No thread hears of it any more, though it closed no link: for so long, in ms. */
  silent(worker: WorkerProcess, silentMs: number): void;
  /** It closed its links and lives on. */
  cutOff(worker: WorkerProcess): void;
  /** Whether it has its place, and nobody takes that already. */
  mayReplace(worker: WorkerProcess): boolean;
  /** One of several threads cannot reach it. It still serves the others. */
  unreachable(worker: WorkerProcess, thread: number): void;
}

/** Sees to it that a worker which lost a link dials in again, or is replaced: nobody else would miss it. */
export class LinkWatch {
  readonly #host: LinkWatchHost;

  constructor(host: LinkWatchHost) {
    this.#host = host;
  }

  /** The worker's end of its link to a thread was closed. */
  closed(worker: WorkerProcess, thread: number): void {
    this.#await(worker, thread, () => this.#host.cutOff(worker));
  }

  /** A thread died with its links, and runs again. */
  threadRestarted(worker: WorkerProcess, thread: number): void {
    this.#await(worker, thread, () => this.#host.silent(worker, LIMIT_MS));
  }

  #await(worker: WorkerProcess, thread: number, onAllLost: () => void): void {
    setTimeout(() => {
      if (this.#host.isClosing || worker.ended.aborted || worker.isLinkedTo(thread)) return;
      // The next start of a thread is watched for itself.
      if (!this.#host.isRunning(thread)) return;
      if (!worker.isLinked) onAllLost();
      else if (!this.#host.isStalled(worker) && this.#host.mayReplace(worker)) this.#host.unreachable(worker, thread);
      // It may answer again, and whoever is to take its place may not come up.
      this.#await(worker, thread, onAllLost);
    }, LIMIT_MS).unref();
  }
}
