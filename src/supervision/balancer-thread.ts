import { rmSync } from 'node:fs';
import type { EventLoopUtilization } from 'node:perf_hooks';
import type { Worker } from 'node:worker_threads';
import { type BalancerBirth, type FromBalancer, type FromSupervisor, isFromBalancer } from '../channel/messages.ts';
import type { Rng } from '../core/rng.ts';
import { BackOff } from './back-off.ts';
import { startThread } from './thread-start.ts';

/** A thread that has run this long has earned an immediate restart. */
const STABLE_AFTER_MS = 5_000;

export interface BalancerThreadObserver {
  /** A thread was started, for the first time or again: tell it what it has to know. */
  threadStarted(thread: BalancerThread): void;
  threadSaid(thread: BalancerThread, message: FromBalancer): void;
  threadDied(thread: BalancerThread, cause: string, restartInMs: number): void;
}

/** One balancer thread, kept alive: when it dies another takes its place, with the same socket path. */
export class BalancerThread {
  readonly #birth: BalancerBirth;
  readonly #script: URL;
  readonly #observer: BalancerThreadObserver;
  readonly #backOff: BackOff;
  readonly #heapMib: number | null;
  #worker: Worker | null = null;
  #restart: NodeJS.Timeout | null = null;
  #loopBefore: EventLoopUtilization | null = null;
  #startedAtMs = 0;
  #staysDown = false;
  #closed = false;

  /** @param heapMib which it may use; null = as much as the memory at hand allows */
  constructor(
    birth: BalancerBirth,
    script: URL,
    observer: BalancerThreadObserver,
    rng: Rng,
    heapMib: number | null = null,
  ) {
    this.#heapMib = heapMib;
    this.#birth = birth;
    this.#script = script;
    this.#observer = observer;
    this.#backOff = new BackOff(rng);
  }

  get index(): number {
    return this.#birth.thread;
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  start(): void {
    // What a dead thread left behind would make the next one's bind fail with EADDRINUSE.
    rmSync(this.#birth.linkPath, { force: true });
    this.#startedAtMs = performance.now();
    let worker: Worker;
    try {
      worker = startThread(this.#script, this.index, this.#heapMib);
    } catch (error) {
      // No more threads or processes are allowed (EAGAIN), perhaps only for now.
      setImmediate(() => this.#died(`it could not be started: ${error instanceof Error ? error.message : error}`));
      return;
    }
    worker.postMessage(this.#birth);
    this.#worker = worker;
    this.#loopBefore = null;
    let cause = '';
    worker.on('message', (message: unknown) => {
      if (isFromBalancer(message) && this.#worker === worker) this.#observer.threadSaid(this, message);
    });
    worker.once('error', (error: unknown) => {
      cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    worker.once('exit', (code) => this.#exited(worker, cause === '' ? `exit code ${code}` : cause));
    this.#observer.threadStarted(this);
  }

  /** Share of time since it was last asked in which its event loop was busy, 0-1. */
  utilization(): number {
    if (this.#worker === null) return 0;
    const now = this.#worker.performance.eventLoopUtilization();
    const since = this.#loopBefore === null ? now : performance.eventLoopUtilization(now, this.#loopBefore);
    this.#loopBefore = now;
    return since.utilization;
  }

  /** Lost where no thread runs: the next one is told all it has to know when it starts. */
  post(message: FromSupervisor): void {
    this.#worker?.postMessage(message);
  }

  /** Nothing takes its place any more when it dies, or has died. */
  stayDown(): void {
    this.#staysDown = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#restart !== null) clearTimeout(this.#restart);
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #exited(worker: Worker, cause: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#died(cause);
  }

  #died(cause: string): void {
    if (this.#closed) return;
    if (performance.now() - this.#startedAtMs > STABLE_AFTER_MS) this.#backOff.reset();
    const delayMs = this.#backOff.next();
    if (!this.#staysDown) this.#restart = setTimeout(() => this.start(), delayMs);
    this.#observer.threadDied(this, cause, delayMs);
  }
}
