import { tmpdir } from 'node:os';
import type { Writable } from 'node:stream';
import type { FromSupervisor } from '../channel/messages.ts';
import type { ResolvedOptions } from '../config/options.ts';
import { MAX_WORKERS } from '../config/schema.ts';
import { EvenerError, type EvenerErrorCode } from '../core/evener-error.ts';
import { XorShift } from '../core/rng.ts';
import type { BalancerThread } from './balancer-thread.ts';
import { BalancerThreads } from './balancer-threads.ts';
import { Changes } from './changes.ts';
import type { SupervisorEvent, SupervisorListener } from './events.ts';
import { Guard } from './guard.ts';
import { MemoryWatch } from './memory-watch.ts';
import { OutputSink } from './output.ts';
import { ReloadQueue } from './reload-queue.ts';
import { RuntimeDirectory, removeStaleDirectories } from './runtime-directory.ts';
import { factsOf, WorkerFleet } from './worker-fleet.ts';
import { WorkerState } from './worker-state.ts';

/** What workers that could not serve anyway get to end by themselves; of a drain, what is kept back for their own end. */
const SHORT_NOTICE_MS = 1_000;
/** How long a worker that could not be replaced for its size is left alone. */
const RECYCLE_PAUSE_MS = 30_000;

/** Where the other two programs are, and where output goes. */
export interface SupervisorSurroundings {
  readonly balancerScript: URL;
  readonly preload: URL;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

type Phase = 'idle' | 'starting' | 'running' | 'closing' | 'closed';

/** What exists from start() on. */
interface Parts {
  readonly directory: RuntimeDirectory;
  readonly guard: Guard;
  readonly threads: BalancerThreads;
  readonly fleet: WorkerFleet;
  readonly memory: MemoryWatch | null;
}

/**
 * Keeps an app's workers and balancer threads alive. It carries no request; it decides how many workers there are, of
 * which generation, and when everything begins and ends.
 */
export class Supervisor {
  /** Resolves when everything has ended: null when it was asked to, else why it gave up. */
  readonly closed: Promise<EvenerError | null>;
  readonly #options: ResolvedOptions;
  readonly #surroundings: SupervisorSurroundings;
  readonly #listeners = new Set<SupervisorListener>();
  readonly #changes = new Changes();
  readonly #reloads = new ReloadQueue(() => this.#rollingReload());
  #parts: Parts | null = null;
  #phase: Phase = 'idle';
  #closingSinceMs = 0;
  #recycleAfterMs = 0;
  #resolveClosed: (error: EvenerError | null) => void = () => {};

  constructor(options: ResolvedOptions, surroundings: SupervisorSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** A worker has been ready, and it is not closing. */
  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  /** How many workers there should be. */
  get workers(): number {
    return this.#parts?.fleet.slots.size ?? 0;
  }

  /** Calls the listener with every event; the answer takes it off again. */
  subscribe(listener: SupervisorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when the first worker is ready.
   * @throws EvenerError EVENER_START_FAILED when no worker can come up; everything has been ended then
   */
  async start(): Promise<void> {
    if (this.#phase !== 'idle') throw new EvenerError('EVENER_NOT_RUNNING', 'start() may be called once');
    this.#phase = 'starting';
    const { app, workers, threads } = this.#options;
    this.#emit({ type: 'starting', app: app.words.join(' '), workers: workers.min, threads });
    const parts = this.#assembleOrFail();
    parts.threads.start();
    // Workers need longer to start than threads, and dial again where one is not there yet.
    for (let index = 0; index < workers.min; index++) parts.fleet.addSlot(index);
    for (const base of [process.env.XDG_RUNTIME_DIR ?? '', tmpdir()]) void removeStaleDirectories(base);
    await this.#changes.until(() => parts.fleet.hasBeenReady || this.#isClosing);
    if (!this.#isClosing) {
      this.#phase = 'running';
      return;
    }
    const error = await this.closed;
    throw error ?? new EvenerError('EVENER_START_FAILED', 'stopped before a worker was ready', { reason: 'stopped' });
  }

  /** Stops accepting, lets what is in flight finish up to the drain limit, ends the workers. */
  async close(): Promise<void> {
    if (this.#parts === null) this.#closeUnstarted(null);
    if (this.#phase === 'closed') return;
    if (!this.#isClosing) await this.#drainAndEnd(this.#parts!);
    await this.closed;
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    if (this.#parts === null) this.#closeUnstarted(null);
    if (this.#phase === 'closed') return;
    const parts = this.#beginClosing();
    for (const worker of parts.fleet.live()) worker.kill('closing');
    await this.#end(parts, null);
  }

  /**
   * More are started at once; those too many finish what they have and go.
   * @param workers 1-512
   * @throws EvenerError EVENER_NOT_RUNNING
   */
  scale(workers: number): void {
    const { fleet } = this.#runningParts('scale()');
    const wanted = Math.min(MAX_WORKERS, Math.max(1, Math.round(workers)));
    if (wanted === fleet.slots.size) return;
    this.#emit({ type: 'scaled', workers: wanted });
    for (let index = 0; fleet.slots.size < wanted; index++) if (!fleet.slots.has(index)) fleet.addSlot(index);
    const indexes = [...fleet.slots.keys()].sort((a, b) => b - a);
    for (const index of indexes.slice(0, fleet.slots.size - wanted)) fleet.removeSlot(index);
  }

  /**
   * Replaces the workers one by one, each by one that is ready before it goes. While one reload runs a second waits, and
   * a third is the second.
   *
   * @throws EvenerError EVENER_RELOAD_FAILED: a new worker did not come up, and those not replaced yet go on;
   *   EVENER_NOT_RUNNING
   */
  async reload(): Promise<void> {
    this.#runningParts('reload()');
    await this.#reloads.request();
  }

  /** A machine without room for a folder or a process is told of like any other failed start. */
  #assembleOrFail(): Parts {
    try {
      this.#parts = this.#assemble();
      return this.#parts;
    } catch (cause) {
      const reason = `cannot start: ${cause instanceof Error ? cause.message : cause}`;
      const error = new EvenerError('EVENER_START_FAILED', reason, { reason }, { cause });
      this.#emit({ type: 'failed', code: error.code, reason });
      this.#closeUnstarted(error);
      throw error;
    }
  }

  #closeUnstarted(error: EvenerError | null): void {
    this.#phase = 'closed';
    this.#resolveClosed(error);
  }

  #assemble(): Parts {
    const { balancerScript, preload, stdout, stderr } = this.#surroundings;
    const options = this.#options;
    const rng = new XorShift();
    const noColor = (options.env.NO_COLOR ?? '') !== '';
    const directory = new RuntimeDirectory();
    const guard = new Guard(directory.path);
    const threads = new BalancerThreads(options, directory, balancerScript, rng, {
      threadStarted: (thread) => fleet.threadStarted(thread),
      threadDied: (thread, cause, restartInMs) => this.#threadDied(thread, cause, restartInMs),
      threadSaid: (thread, message) => fleet.threadSaid(thread.index, message),
      threadsDrained: () => this.#changes.happened(),
    });
    const out = new OutputSink(stdout, noColor);
    const err = new OutputSink(stderr, noColor);
    const isClosing = (): boolean => this.#isClosing;
    const fleet = new WorkerFleet(
      options,
      { linkPaths: threads.linkPaths, preload, guard, out, err, rng },
      {
        get isClosing() {
          return isClosing();
        },
        emit: (event) => this.#emit(event),
        post: (message: FromSupervisor) => threads.post(message),
        missingThreads: () => threads.missing(),
        giveUp: (code, reason) => void this.#giveUp(code, reason),
        changed: () => this.#changes.happened(),
      },
    );
    const limit = options.maxMemoryBytes;
    const pids = (): number[] => fleet.in(WorkerState.Ready).map((worker) => worker.pid);
    const memory = limit === null ? null : new MemoryWatch(limit, pids, (pid, bytes) => this.#tooLarge(pid, bytes));
    return { directory, guard, threads, fleet, memory };
  }

  #threadDied(thread: BalancerThread, cause: string, restartInMs: number): void {
    const { fleet, threads } = this.#parts!;
    fleet.threadDied(thread.index);
    this.#emit({ type: 'balancer-died', thread: thread.index, cause, restartInMs });
    if (!threads.hasBeenReady) {
      void this.#giveUp('EVENER_START_FAILED', `the balancer thread ended at its start: ${cause}`);
    } else if (threads.shareDescriptors) {
      void this.#giveUp(
        'EVENER_THREAD_LOST',
        `balancer thread ${thread.index} ended, and with it the ports, which threads share before Node 22.12; ` +
          'start again, use a newer Node, or leave --threads at 1',
      );
    }
    this.#changes.happened();
  }

  #tooLarge(pid: number, bytes: number): void {
    const fleet = this.#parts!.fleet;
    const worker = [...fleet.live()].find((one) => one.pid === pid);
    const slot = worker === undefined ? undefined : fleet.slots.get(worker.slot);
    if (worker === undefined || slot?.current !== worker || this.#phase !== 'running') return;
    // One at a time, and not while a reload replaces them anyway.
    if (this.#reloads.isBusy || performance.now() < this.#recycleAfterMs) return;
    this.#emit({ type: 'worker-too-large', ...factsOf(worker), bytes, limitBytes: this.#options.maxMemoryBytes! });
    this.#recycleAfterMs = Number.POSITIVE_INFINITY;
    void slot.replace(this.#options.drainLimitMs).then(
      () => {
        this.#recycleAfterMs = 0;
      },
      () => {
        this.#recycleAfterMs = performance.now() + RECYCLE_PAUSE_MS;
      },
    );
  }

  async #rollingReload(): Promise<void> {
    const { fleet } = this.#runningParts('reload()');
    const startedAtMs = performance.now();
    const slots = [...fleet.slots.values()];
    fleet.beginGeneration();
    this.#emit({ type: 'reload-started', workers: slots.length });
    try {
      for (const slot of slots) await slot.replace(this.#options.drainLimitMs);
    } catch (error) {
      const reason = error instanceof EvenerError ? error.message : String(error);
      if (!this.#isClosing) this.#emit({ type: 'reload-failed', reason });
      throw error;
    }
    // The promise of a reload: when it is over no answer comes from a worker of before.
    await this.#changes.until(() => this.#isClosing || fleet.in(WorkerState.Draining).length === 0);
    if (!this.#isClosing) this.#emit({ type: 'reload-done', tookMs: performance.now() - startedAtMs });
  }

  async #drainAndEnd(parts: Parts): Promise<void> {
    const { drainLimitMs } = this.#options;
    const { fleet, threads } = parts;
    this.#beginClosing();
    this.#emit({ type: 'draining', limitMs: drainLimitMs });
    // Those that serve nothing yet have nothing to finish.
    for (const worker of fleet.in(WorkerState.Starting)) {
      worker.dismiss('closing', Math.min(SHORT_NOTICE_MS, drainLimitMs));
    }
    threads.drain();
    // At the latest then they get SIGTERM, to have some of the time left for their own end.
    const noticeMs = Math.max(drainLimitMs / 2, drainLimitMs - SHORT_NOTICE_MS);
    await this.#changes.until(() => threads.areDrained || fleet.isGone, noticeMs);
    const leftMs = Math.max(0, this.#closingSinceMs + drainLimitMs - performance.now());
    for (const worker of fleet.live()) worker.dismiss('closing', leftMs);
    await this.#end(parts, null);
  }

  /** Ends everything because it cannot go on. */
  async #giveUp(code: EvenerErrorCode, reason: string): Promise<void> {
    if (this.#isClosing) return;
    const parts = this.#beginClosing();
    for (const worker of parts.fleet.live()) {
      worker.output.drop();
      worker.dismiss('closing', SHORT_NOTICE_MS);
    }
    await this.#end(parts, new EvenerError(code, reason, { reason }));
  }

  #beginClosing(): Parts {
    const parts = this.#parts!;
    if (this.#isClosing) return parts;
    this.#phase = 'closing';
    this.#closingSinceMs = performance.now();
    parts.memory?.close();
    parts.fleet.close();
    this.#changes.happened();
    return parts;
  }

  /** The last steps, when all workers have been told to go. */
  async #end({ fleet, threads, guard, directory }: Parts, error: EvenerError | null): Promise<void> {
    await this.#changes.until(() => fleet.isGone);
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    await threads.close();
    guard.close();
    directory.remove();
    if (error === null) this.#emit({ type: 'stopped', tookMs: performance.now() - this.#closingSinceMs });
    else this.#emit({ type: 'failed', code: error.code, reason: error.message });
    this.#resolveClosed(error);
  }

  get #isClosing(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  #runningParts(what: string): Parts {
    if (this.#phase === 'running') return this.#parts!;
    throw new EvenerError('EVENER_NOT_RUNNING', `${what} needs a running supervisor`);
  }

  #emit(event: SupervisorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
