import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Writable } from 'node:stream';
import { type BalancerBirth, CHANNEL_VERSION, type FromBalancer, type FromSupervisor } from '../channel/messages.ts';
import type { ResolvedOptions } from '../config/options.ts';
import { MAX_WORKERS } from '../config/schema.ts';
import { EvenerError, type EvenerErrorCode } from '../core/evener-error.ts';
import { XorShift } from '../core/rng.ts';
import { MAX_DELAY_MS } from './back-off.ts';
import { BalancerThread, type BalancerThreadObserver } from './balancer-thread.ts';
import { type BootFailure, bootFailure, exitText } from './boot-failure.ts';
import type { SupervisorEvent, SupervisorListener } from './events.ts';
import { Guard } from './guard.ts';
import { MemoryWatch } from './memory-watch.ts';
import { OutputSink } from './output.ts';
import { RuntimeDirectory, removeStaleDirectories } from './runtime-directory.ts';
import { StallWatch } from './stall-watch.ts';
import { workerCommand } from './worker-command.ts';
import { type Dismissal, type WorkerExit, type WorkerObserver, WorkerProcess } from './worker-process.ts';
import { WorkerSlot, type WorkerSlotHost } from './worker-slot.ts';
import { WorkerState } from './worker-state.ts';

/** A first start in which every slot has failed is given up after this long, or after {@link FIRST_START_TRIES}. */
const FIRST_START_MS = 3_000;
const FIRST_START_TRIES = 2;
/** `exitOnCrashLoop`: failed starts in a row, of every slot. */
const CRASH_LOOP_TRIES = 5;
/** While nobody is up the first slot tries at least this often, so that a mended app is back soon. */
const SCOUT_DELAY_MS = 5_000;
/** A worker that is told to end for its own failure gets this long. */
const SHORT_NOTICE_MS = 1_000;
/** A worker whose link is closed and that neither exits nor dials in again within this is replaced. */
const UNLINKED_LIMIT_MS = 5_000;
/** Output of the first worker appears after this long even if it is not ready; that of others and later ones, after the second. */
const HOLD_OUTPUT_MS = 1_000;
const HOLD_REPEATED_OUTPUT_MS = 5_000;
/** How long a worker that would not be replaced for its size is left alone. */
const RECYCLE_PAUSE_MS = 30_000;

/** Where the other two programs are, and where output goes. Tests pass their own. */
export interface SupervisorSurroundings {
  readonly balancerScript: URL;
  readonly preload: URL;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

type Phase = 'idle' | 'starting' | 'running' | 'closing' | 'closed';

/**
 * Keeps an app's workers and balancer threads alive. It carries no request; it decides how many workers there are, of
 * which generation, and when one is started, replaced or ended.
 */
export class Supervisor implements WorkerSlotHost, WorkerObserver, BalancerThreadObserver {
  /** Resolves when everything has ended: null after a clean stop, else why it gave up. */
  readonly closed: Promise<EvenerError | null>;
  readonly #options: ResolvedOptions;
  readonly #surroundings: SupervisorSurroundings;
  readonly #listeners = new Set<SupervisorListener>();
  readonly #rng = new XorShift();
  readonly #slots = new Map<number, WorkerSlot>();
  /** By incarnation: all that live, and those whose end has not been reported yet. */
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #threads: BalancerThread[] = [];
  readonly #readyThreads = new Set<number>();
  readonly #drainedThreads = new Set<number>();
  readonly #listening = new Set<string>();
  /** Boot output that has been shown; see {@link #showBootOutput}. */
  readonly #shownOutput = new Set<string>();
  readonly #waiting = new Set<() => void>();
  readonly #out: OutputSink;
  readonly #err: OutputSink;
  readonly #stalls: StallWatch;
  #memory: MemoryWatch | null = null;
  #directory: RuntimeDirectory | null = null;
  #guard: Guard | null = null;
  #resolveClosed: (error: EvenerError | null) => void = () => {};
  #phase: Phase = 'idle';
  #startedAtMs = 0;
  #generation = 0;
  #nextIncarnation = 1;
  #liveGroups = 0;
  #killed = 0;
  #hasBeenReady = false;
  #retryAfterSeconds: number | null = null;
  #reload: Promise<void> | null = null;
  #nextReload: Promise<void> | null = null;
  #recycleAfterMs = 0;

  constructor(options: ResolvedOptions, surroundings: SupervisorSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    const noColor = (options.env.NO_COLOR ?? '') !== '';
    this.#out = new OutputSink(surroundings.stdout, noColor);
    this.#err = new OutputSink(surroundings.stderr, noColor);
    this.#stalls = new StallWatch(options.hangLimitMs, (worker, silentMs) => this.#hung(worker, silentMs));
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Calls the listener with every event; the answer takes it off again. */
  subscribe(listener: SupervisorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws EvenerError EVENER_START_FAILED when no worker can come up; everything has been ended then */
  async start(): Promise<void> {
    if (this.#phase !== 'idle') throw new EvenerError('EVENER_NOT_RUNNING', 'start() may be called once');
    const options = this.#options;
    this.#phase = 'starting';
    this.#startedAtMs = performance.now();
    this.#directory = new RuntimeDirectory();
    for (const base of [process.env.XDG_RUNTIME_DIR ?? '', tmpdir()]) void removeStaleDirectories(base);
    this.#guard = new Guard(this.#directory.path);
    this.#emit({
      type: 'starting',
      app: [...options.app.words].join(' '),
      workers: options.workers.min,
      threads: options.threads,
    });
    for (let index = 0; index < options.threads; index++) {
      const thread = new BalancerThread(this.#birthOf(index), this.#surroundings.balancerScript, this, this.#rng);
      this.#threads.push(thread);
      thread.start();
    }
    // Workers need longer to start than threads, and dial again where one is not there yet.
    for (let index = 0; index < options.workers.min; index++) this.#addSlot(index);
    const { maxMemoryBytes } = options;
    if (maxMemoryBytes !== null) {
      this.#memory = new MemoryWatch(
        maxMemoryBytes,
        () => this.#readyPids(),
        (pid, bytes) => this.#tooLarge(pid, bytes),
      );
    }
    await this.#until(() => this.#hasBeenReady || this.#isClosing);
    if (!this.#isClosing) return;
    const error = await this.closed;
    throw error ?? new EvenerError('EVENER_START_FAILED', 'stopped before a worker was ready', { reason: 'stopped' });
  }

  /** Stops accepting, lets what is in flight finish up to the drain limit, ends the workers. */
  async close(): Promise<void> {
    if (this.#phase === 'closed') return;
    if (!this.#isClosing) void this.#drainAndEnd();
    await this.closed;
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    if (this.#phase === 'closed') return;
    this.#beginClosing();
    for (const worker of this.#workers.values()) worker.kill('closing');
    await this.#end(null);
  }

  /** A worker has been ready, and it is not closing. */
  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  /** How many workers there should be. */
  get workers(): number {
    return this.#slots.size;
  }

  /** More are started at once; those too many finish what they have and go. @param workers 1-512 */
  scale(workers: number): void {
    if (this.#phase !== 'running') throw notRunning('scale()');
    const wanted = Math.min(MAX_WORKERS, Math.max(1, Math.round(workers)));
    if (wanted === this.#slots.size) return;
    for (let index = 0; this.#slots.size < wanted; index++) {
      if (!this.#slots.has(index)) this.#addSlot(index);
    }
    for (const index of [...this.#slots.keys()].sort((a, b) => b - a)) {
      if (this.#slots.size === wanted) break;
      const slot = this.#slots.get(index)!;
      this.#slots.delete(index);
      slot.close();
      for (const worker of this.#live()) {
        if (worker.slot === index) worker.retire(this.#options.drainLimitMs);
      }
    }
    this.#emit({ type: 'scaled', workers: wanted });
  }

  /**
   * Replaces the workers one by one, each by one that is ready before it goes. While one reload runs a second waits, and
   * a third is the second.
   *
   * @throws EvenerError EVENER_RELOAD_FAILED: a new worker did not come up; those not replaced yet go on
   */
  reload(): Promise<void> {
    if (this.#phase !== 'running') return Promise.reject(notRunning('reload()'));
    if (this.#reload === null) {
      this.#reload = this.#rollingReload().finally(() => {
        this.#reload = null;
      });
      return this.#reload;
    }
    this.#nextReload ??= this.#reload
      .catch(() => {})
      .then(() => {
        this.#nextReload = null;
        return this.reload();
      });
    return this.#nextReload;
  }

  // What slots ask.

  spawn(slot: WorkerSlot): WorkerProcess {
    const options = this.#options;
    const incarnation = this.#nextIncarnation++;
    const token = randomBytes(16).toString('hex');
    this.#post({ type: 'expect-worker', worker: incarnation, slot: slot.index, token });
    const birth = {
      version: CHANNEL_VERSION,
      slot: slot.index,
      worker: incarnation,
      token,
      linkPaths: this.#threads.map((thread) => this.#directory!.linkPath(thread.index)),
      travels: options.app.form === 'command',
    };
    const isFirst = slot.index === 0 && slot.failedStarts === 0;
    const worker = new WorkerProcess(
      {
        incarnation,
        slot: slot.index,
        generation: this.#generation,
        token,
        command: workerCommand(options, birth, this.#surroundings.preload.href),
        threads: options.threads,
        bootTimeoutMs: options.bootTimeoutMs,
        holdOutputMs: isFirst ? HOLD_OUTPUT_MS : HOLD_REPEATED_OUTPUT_MS,
      },
      this.#out,
      this.#err,
      this,
    );
    this.#workers.set(incarnation, worker);
    if (worker.group !== 0) {
      this.#guard?.watch(worker.group);
      this.#liveGroups++;
    }
    return worker;
  }

  delayCapMs(slot: WorkerSlot): number {
    const isScout = slot.index === Math.min(...this.#slots.keys());
    return isScout && !this.#hasReadySlot ? SCOUT_DELAY_MS : MAX_DELAY_MS;
  }

  // What workers tell.

  workerReady(worker: WorkerProcess): void {
    const slot = this.#slots.get(worker.slot);
    const failedStarts = slot?.failedStarts ?? 0;
    slot?.ready(worker);
    if (this.#phase === 'starting') this.#phase = 'running';
    this.#hasBeenReady = true;
    this.#shownOutput.clear();
    this.#emit({ type: 'worker-ready', ...factsOf(worker), bootMs: worker.bootMs, failedStarts });
    if (this.#retryAfterSeconds !== null) {
      this.#setUnavailable(null);
      this.#emit({ type: 'crash-loop-over' });
      for (const other of this.#slots.values()) other.hurry();
    }
    this.#changed();
  }

  workerDraining(worker: WorkerProcess): void {
    this.#post({ type: 'drain-worker', worker: worker.incarnation });
    for (const thread of this.#threads) if (!thread.isRunning) worker.drained(thread.index);
  }

  workerExited(worker: WorkerProcess, exit: WorkerExit): void {
    this.#post({ type: 'forget-worker', worker: worker.incarnation });
    this.#stalls.recovered(worker.incarnation);
    if (isAskedToGo(worker.dismissal)) {
      this.#slots.get(worker.slot)?.exited(worker, null);
      this.#bury(worker);
      if (worker.dismissal === 'retired') this.#emit({ type: 'worker-retired', ...factsOf(worker) });
    } else if (worker.wasReady) {
      const restartInMs = this.#isClosing ? null : (this.#slots.get(worker.slot)?.exited(worker, null) ?? null);
      void this.#reportDeath(worker, exit, restartInMs);
    } else {
      this.#bootFailed(worker, exit);
      this.#bury(worker);
    }
  }

  workerGone(worker: WorkerProcess): void {
    if (worker.group === 0) return;
    this.#guard?.forget(worker.group);
    this.#liveGroups--;
    this.#changed();
  }

  // What balancer threads tell.

  threadStarted(thread: BalancerThread): void {
    for (const worker of this.#live()) {
      const { incarnation, slot, plan } = worker;
      thread.post({ type: 'expect-worker', worker: incarnation, slot, token: plan.token });
      if (worker.state === WorkerState.Draining) thread.post({ type: 'drain-worker', worker: incarnation });
    }
    if (this.#retryAfterSeconds !== null) {
      thread.post({ type: 'unavailable', retryAfterSeconds: this.#retryAfterSeconds });
    }
    if (this.#isClosing) thread.post({ type: 'drain' });
  }

  threadDied(thread: BalancerThread, cause: string, restartInMs: number): void {
    const wasReady = this.#readyThreads.delete(thread.index);
    for (const worker of this.#live()) worker.threadLost(thread.index);
    this.#emit({ type: 'balancer-died', thread: thread.index, cause, restartInMs });
    if (!wasReady && !this.#hasBeenReady) {
      void this.#giveUp('EVENER_START_FAILED', `the balancer thread ended at its start: ${cause}`);
    }
    this.#changed();
  }

  threadSaid(thread: BalancerThread, message: FromBalancer): void {
    switch (message.type) {
      case 'ready':
        this.#readyThreads.add(thread.index);
        break;
      case 'drained':
        this.#drainedThreads.add(thread.index);
        break;
      case 'stats':
        break;
      default: {
        const worker = this.#workers.get(message.worker);
        if (worker !== undefined) this.#threadSaidOf(worker, thread.index, message);
      }
    }
    this.#changed();
  }

  #threadSaidOf(worker: WorkerProcess, thread: number, message: Extract<FromBalancer, { worker: number }>): void {
    switch (message.type) {
      case 'worker-linked':
        worker.linked(thread, message.pid);
        return;
      case 'worker-listening':
        this.#announce(message.listener);
        worker.listening(thread, message.listener);
        return;
      case 'listen-failed':
        worker.listenFailed(message);
        this.#watchListenFailure(worker);
        return;
      case 'worker-unlinked':
        worker.unlinked(thread, message.inFlight);
        if (message.reason === 'protocol') worker.dismiss('unlinked', SHORT_NOTICE_MS);
        else if (message.reason === 'closed') this.#watchUnlinked(worker);
        return;
      case 'worker-drained':
        worker.drained(thread);
        return;
      case 'worker-stalled':
        if (worker.state === WorkerState.Exited) return;
        this.#stalls.stalled(worker.incarnation, message.silentMs);
        if (thread === 0) this.#emit({ type: 'worker-stalled', ...factsOf(worker), silentMs: message.silentMs });
        return;
      case 'worker-recovered':
        this.#stalls.recovered(worker.incarnation);
        if (thread === 0) this.#emit({ type: 'worker-recovered', ...factsOf(worker), silentMs: message.silentMs });
        return;
    }
  }

  #announce(address: Extract<FromBalancer, { type: 'worker-listening' }>['listener']): void {
    const key = address.path ?? `${address.host} ${address.port}`;
    if (this.#listening.has(key)) return;
    this.#listening.add(key);
    this.#emit({ type: 'listening', address });
  }

  /** An app that catches the error and goes on waiting would keep a first start from ever being seen to fail. */
  #watchListenFailure(worker: WorkerProcess): void {
    if (this.#hasBeenReady) return;
    setTimeout(() => {
      if (this.#hasBeenReady || this.#isClosing || worker.listenFailure === null) return;
      if (worker.state !== WorkerState.Starting) return;
      const { reason } = this.#failureOf(worker, { code: null, signal: null, spawnFailure: null });
      void this.#giveUp('EVENER_START_FAILED', reason);
    }, FIRST_START_MS).unref();
  }

  #watchUnlinked(worker: WorkerProcess): void {
    setTimeout(() => {
      if (!worker.isLinked && !this.#isClosing) worker.dismiss('unlinked', SHORT_NOTICE_MS);
    }, UNLINKED_LIMIT_MS).unref();
  }

  #bootFailed(worker: WorkerProcess, exit: WorkerExit): void {
    if (this.#isClosing) {
      worker.output.drop();
      return;
    }
    const failure = this.#failureOf(worker, exit);
    this.#showBootOutput(worker);
    const slot = this.#slots.get(worker.slot);
    const restartInMs = slot?.exited(worker, failure.reason) ?? null;
    this.#emit({
      type: 'worker-boot-failed',
      ...factsOf(worker),
      reason: failure.reason,
      failedStarts: slot?.failedStarts ?? 1,
      restartInMs,
    });
    if (!this.#hasBeenReady) {
      if (failure.isHopeless || this.#isFirstStartOver) void this.#giveUp('EVENER_START_FAILED', failure.reason);
      return;
    }
    const slots = [...this.#slots.values()];
    if (this.#hasReadySlot || slots.some((other) => other.failedStarts === 0)) return;
    if (this.#options.exitOnCrashLoop && slots.every((other) => other.failedStarts >= CRASH_LOOP_TRIES)) {
      void this.#giveUp('EVENER_CRASH_LOOP', failure.reason);
      return;
    }
    const wasAvailable = this.#retryAfterSeconds === null;
    const retryAfterSeconds = Math.max(1, Math.ceil(Math.min(...slots.map((other) => other.nextStartInMs)) / 1000));
    this.#setUnavailable(retryAfterSeconds);
    if (wasAvailable) this.#emit({ type: 'crash-loop', reason: failure.reason, retryAfterSeconds });
  }

  #failureOf(worker: WorkerProcess, exit: WorkerExit): BootFailure {
    return bootFailure({
      exit,
      listenFailure: worker.listenFailure,
      tail: worker.output.tail,
      timedOutAfterMs: worker.dismissal === 'boot-timeout' ? this.#options.bootTimeoutMs : null,
      app: this.#options.app.words.join(' '),
      cwd: this.#options.app.cwd,
    });
  }

  /** Workers that fail to start say the same, but for numbers (pids, times, ports): it is shown once. */
  #showBootOutput(worker: WorkerProcess): void {
    const key = worker.output.heldText.replace(/\d+/g, '#');
    if (this.#shownOutput.has(key)) {
      worker.output.drop();
      return;
    }
    this.#shownOutput.add(key);
    worker.output.release();
  }

  async #reportDeath(worker: WorkerProcess, exit: WorkerExit, restartInMs: number | null): Promise<void> {
    const inFlight = await worker.lastInFlight();
    const cause = worker.dismissal === 'hung' ? 'it hung and was ended' : exitText(exit);
    if (!this.#isClosing) this.#emit({ type: 'worker-died', ...factsOf(worker), cause, inFlight, restartInMs });
    this.#bury(worker);
  }

  #bury(worker: WorkerProcess): void {
    this.#workers.delete(worker.incarnation);
    this.#changed();
  }

  #hung(incarnation: number, silentMs: number): void {
    const worker = this.#workers.get(incarnation);
    if (worker === undefined || this.#isClosing || worker.state === WorkerState.Exited) return;
    this.#emit({ type: 'worker-hung', ...factsOf(worker), silentMs });
    worker.dismiss('hung', SHORT_NOTICE_MS);
  }

  #tooLarge(pid: number, bytes: number): void {
    const worker = [...this.#live()].find((one) => one.pid === pid);
    const slot = worker === undefined ? undefined : this.#slots.get(worker.slot);
    if (worker === undefined || slot?.current !== worker || this.#phase !== 'running') return;
    // One at a time, and not while a reload replaces them anyway.
    if (this.#reload !== null || performance.now() < this.#recycleAfterMs) return;
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
    const startedAtMs = performance.now();
    this.#generation++;
    const slots = [...this.#slots.values()];
    this.#emit({ type: 'reload-started', workers: slots.length });
    try {
      for (const slot of slots) await slot.replace(this.#options.drainLimitMs);
    } catch (error) {
      const reason = error instanceof EvenerError ? error.message : String(error);
      if (!this.#isClosing) this.#emit({ type: 'reload-failed', reason });
      throw error;
    }
    // The promise of a reload: when it is over no answer comes from a worker of before.
    await this.#until(
      () => this.#isClosing || ![...this.#live()].some((worker) => worker.state === WorkerState.Draining),
    );
    if (!this.#isClosing) this.#emit({ type: 'reload-done', tookMs: performance.now() - startedAtMs });
  }

  async #drainAndEnd(): Promise<void> {
    const { drainLimitMs } = this.#options;
    const endAtMs = performance.now() + drainLimitMs;
    this.#beginClosing();
    this.#emit({ type: 'draining', limitMs: drainLimitMs });
    // Those that serve nothing yet have nothing to finish.
    for (const worker of this.#live()) {
      if (worker.state === WorkerState.Starting) worker.dismiss('closing', Math.min(SHORT_NOTICE_MS, drainLimitMs));
    }
    this.#post({ type: 'drain' });
    // At the latest then they get SIGTERM, to have some of the time left for their own end.
    const noticeMs = Math.max(drainLimitMs / 2, drainLimitMs - SHORT_NOTICE_MS);
    await this.#until(() => this.#areThreadsDrained || [...this.#live()].length === 0, noticeMs);
    const leftMs = Math.max(0, endAtMs - performance.now());
    for (const worker of this.#live()) worker.dismiss('closing', leftMs);
    await this.#end(null);
  }

  /** Ends everything because it cannot go on. */
  async #giveUp(code: EvenerErrorCode, reason: string): Promise<void> {
    if (this.#isClosing) return;
    this.#beginClosing();
    for (const worker of this.#live()) {
      worker.output.drop();
      worker.dismiss('closing', SHORT_NOTICE_MS);
    }
    await this.#end(new EvenerError(code, reason, { reason }));
  }

  #beginClosing(): void {
    if (!this.#isClosing) this.#phase = 'closing';
    this.#stalls.close();
    this.#memory?.close();
    for (const slot of this.#slots.values()) slot.close();
    this.#changed();
  }

  /** The last steps, when all workers have been told to go. */
  async #end(error: EvenerError | null): Promise<void> {
    await this.#until(() => this.#liveGroups === 0 && [...this.#live()].length === 0);
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#post({ type: 'close' });
    await Promise.all(this.#threads.map((thread) => thread.close()));
    this.#guard?.close();
    this.#directory?.remove();
    if (error === null) this.#emit({ type: 'stopped', tookMs: 0, killed: this.#killed });
    else this.#emit({ type: 'failed', reason: error.message });
    this.#resolveClosed(error);
  }

  get #isClosing(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  get #hasReadySlot(): boolean {
    return [...this.#slots.values()].some((slot) => slot.isReady);
  }

  get #isFirstStartOver(): boolean {
    const failures = Math.min(...[...this.#slots.values()].map((slot) => slot.failedStarts));
    const isLate = performance.now() - this.#startedAtMs >= FIRST_START_MS;
    return failures >= FIRST_START_TRIES || (failures >= 1 && isLate);
  }

  get #areThreadsDrained(): boolean {
    return this.#threads.every((thread) => this.#drainedThreads.has(thread.index) || !thread.isRunning);
  }

  *#live(): Iterable<WorkerProcess> {
    for (const worker of this.#workers.values()) if (worker.state !== WorkerState.Exited) yield worker;
  }

  #readyPids(): number[] {
    return [...this.#live()].filter((worker) => worker.state === WorkerState.Ready).map((worker) => worker.pid);
  }

  #addSlot(index: number): void {
    const slot = new WorkerSlot(index, this, this.#rng);
    this.#slots.set(index, slot);
    slot.start();
  }

  #setUnavailable(retryAfterSeconds: number | null): void {
    if (retryAfterSeconds === this.#retryAfterSeconds) return;
    this.#retryAfterSeconds = retryAfterSeconds;
    this.#post({ type: 'unavailable', retryAfterSeconds });
  }

  #post(message: FromSupervisor): void {
    for (const thread of this.#threads) thread.post(message);
  }

  #birthOf(thread: number): BalancerBirth {
    const { port, policy, queueLimit, queueTimeoutMs, headerTimeoutMs, responseTimeoutMs, threads } = this.#options;
    return {
      version: CHANNEL_VERSION,
      thread,
      threads,
      linkPath: this.#directory!.linkPath(thread),
      settings: { port, policy, queueLimit, queueTimeoutMs, headerTimeoutMs, responseTimeoutMs },
    };
  }

  /** Resolves when the condition holds, or after the limit. */
  #until(condition: () => boolean, limitMs: number | null = null): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(look);
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
      const look = (): void => {
        if (condition()) done();
      };
      const timer = limitMs === null ? null : setTimeout(done, limitMs);
      this.#waiting.add(look);
      look();
    });
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  #emit(event: SupervisorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function factsOf(worker: WorkerProcess): { slot: number; pid: number } {
  return { slot: worker.slot, pid: worker.pid };
}

function isAskedToGo(dismissal: Dismissal | null): boolean {
  return dismissal === 'retired' || dismissal === 'closing';
}

function notRunning(what: string): EvenerError {
  return new EvenerError('EVENER_NOT_RUNNING', `${what} needs a running supervisor`);
}
