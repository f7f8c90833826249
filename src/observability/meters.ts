import { readThreads, type ThreadsReading } from './counters.ts';
import { PoolReading } from './pool-meter.ts';
import {
  POOL_CELLS,
  PoolCell,
  sectionOf,
  sharedBlock,
  THREAD_CELLS,
  ThreadCell,
  WORKER_CELLS,
} from './shared-memory.ts';
import { readWorker, WorkerMeter, type WorkerReading } from './worker-meter.ts';

/** All blocks of shared memory of one instance, as the supervisor holds them. */
export class Meters {
  /** Of the threads themselves. */
  readonly threads: SharedArrayBuffer;
  readonly #threads: number;
  readonly #pools = new Map<string, SharedArrayBuffer>();
  readonly #workers = new Map<number, SharedArrayBuffer>();

  /** @param threads how many balancer threads there are */
  constructor(threads: number) {
    this.#threads = threads;
    this.threads = sharedBlock(threads, THREAD_CELLS);
  }

  /** The block of a pool, which counts on from start to end of the instance. */
  pool(name: string): SharedArrayBuffer {
    let block = this.#pools.get(name);
    if (block === undefined) {
      block = sharedBlock(this.#threads, POOL_CELLS);
      this.#pools.set(name, block);
    }
    return block;
  }

  /** The block of one incarnation of a worker. */
  worker(incarnation: number): SharedArrayBuffer {
    let block = this.#workers.get(incarnation);
    if (block === undefined) {
      block = sharedBlock(this.#threads, WORKER_CELLS);
      this.#workers.set(incarnation, block);
    }
    return block;
  }

  forgetWorker(incarnation: number): void {
    this.#workers.delete(incarnation);
  }

  /** Nothing is under way in it any more. What it has counted stays. */
  threadDied(thread: number): void {
    const threads = sectionOf(this.threads, thread, THREAD_CELLS);
    threads[ThreadCell.Clients] = 0;
    for (const block of this.#pools.values()) {
      const pool = sectionOf(block, thread, POOL_CELLS);
      pool[PoolCell.Active] = 0;
      pool[PoolCell.Queued] = 0;
    }
    for (const block of this.#workers.values()) new WorkerMeter(block, thread).unlinked();
  }

  readPool(name: string): PoolReading {
    return PoolReading.of(this.pool(name));
  }

  readWorker(incarnation: number): WorkerReading {
    return readWorker(this.worker(incarnation));
  }

  readThreads(): ThreadsReading {
    return readThreads(this.threads);
  }
}
