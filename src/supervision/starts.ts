import type { FromSupervisor } from '../channel/messages.ts';
import type { AppOptions } from '../config/options.ts';
import type { EvenerErrorCode } from '../core/evener-error.ts';
import { Redactor } from '../observability/redaction.ts';
import { type BootFailure, bootFailure } from './boot-failure.ts';
import type { SupervisorEvent } from './events.ts';
import { factsOf, type WorkerExit, type WorkerProcess } from './worker-process.ts';
import type { WorkerSlot } from './worker-slot.ts';
import { WorkerState } from './worker-state.ts';

/** A first start in which every slot has failed is given up after this long, or after {@link FIRST_START_TRIES}. */
const FIRST_START_MS = 3_000;
const FIRST_START_TRIES = 2;
/** `exitOnCrashLoop`: failed starts in a row, of every slot. */
const CRASH_LOOP_TRIES = 5;

/** Whose starts they are. */
export interface StartsFleet {
  readonly options: AppOptions;
  /** By index. */
  readonly slots: ReadonlyMap<number, WorkerSlot>;
}

export interface StartsHost {
  emit(event: SupervisorEvent): void;
  /** To every balancer thread. */
  post(message: FromSupervisor): void;
  /** It cannot go on. */
  giveUp(code: EvenerErrorCode, reason: string): void;
}

/** Starts of workers that fail, and what that means for the app as a whole: a first start given up, a crash loop, a reload. */
export class Starts {
  readonly #fleet: StartsFleet;
  readonly #exitOnCrashLoop: boolean;
  readonly #host: StartsHost;
  readonly #shownOutput = new Set<string>();
  readonly #startedAtMs: number = performance.now();
  #haveSucceeded = false;
  #retryAfterSeconds: number | null = null;

  constructor(fleet: StartsFleet, exitOnCrashLoop: boolean, host: StartsHost) {
    this.#fleet = fleet;
    this.#exitOnCrashLoop = exitOnCrashLoop;
    this.#host = host;
  }

  /** Whether any worker has ever been ready. */
  get haveSucceeded(): boolean {
    return this.#haveSucceeded;
  }

  /** What a balancer thread has to be told that was not there; null = nothing. */
  get message(): FromSupervisor | null {
    if (this.#retryAfterSeconds === null) return null;
    const { name: pool } = this.#fleet.options;
    return { type: 'unavailable', pool, retryAfterSeconds: this.#retryAfterSeconds };
  }

  /** A worker is ready. */
  succeeded(): void {
    this.#haveSucceeded = true;
    this.#shownOutput.clear();
    if (this.#retryAfterSeconds === null) return;
    this.#setUnavailable(null);
    this.#host.emit({ type: 'crash-loop-over', app: this.#fleet.options.name });
    for (const slot of this.#fleet.slots.values()) slot.hurry();
  }

  /** A worker has ended before it was ready. */
  failed(worker: WorkerProcess, exit: WorkerExit): void {
    const failure = this.#failureOf(worker, exit);
    this.#showOutput(worker);
    const slot = this.#fleet.slots.get(worker.slot);
    const restartInMs = slot?.exited(worker, failure.reason) ?? null;
    const failedStarts = slot?.failedStarts ?? 1;
    const { reason } = failure;
    this.#host.emit({ type: 'worker-boot-failed', ...factsOf(worker), reason, failedStarts, restartInMs });
    if (!this.#haveSucceeded) {
      if (failure.isHopeless || this.#isFirstOver) this.#host.giveUp('EVENER_START_FAILED', reason);
      return;
    }
    const all = [...this.#fleet.slots.values()];
    const slots = all.filter((other) => !other.isParked);
    if (all.some(({ isReady }) => isReady) || slots.some((other) => other.failedStarts === 0)) return;
    if (this.#exitOnCrashLoop && slots.every((other) => other.failedStarts >= CRASH_LOOP_TRIES)) {
      this.#host.giveUp('EVENER_CRASH_LOOP', reason);
      return;
    }
    const isNew = this.#retryAfterSeconds === null;
    const retryAfterSeconds = Math.max(1, Math.ceil(Math.min(...slots.map((other) => other.nextStartInMs)) / 1000));
    this.#setUnavailable(retryAfterSeconds);
    if (isNew) this.#host.emit({ type: 'crash-loop', app: this.#fleet.options.name, reason, retryAfterSeconds });
  }

  /** An app that catches the error and goes on waiting would keep a first start from ever being seen to fail. */
  watchListenFailure(worker: WorkerProcess): void {
    if (this.#haveSucceeded) return;
    setTimeout(() => {
      if (this.#haveSucceeded || worker.listenFailure === null || worker.state !== WorkerState.Starting) return;
      const { reason } = this.#failureOf(worker, { code: null, signal: null, spawnFailure: null });
      this.#host.giveUp('EVENER_START_FAILED', reason);
    }, FIRST_START_MS).unref();
  }

  #failureOf(worker: WorkerProcess, exit: WorkerExit): BootFailure {
    const { env, bootTimeoutMs, app } = this.#fleet.options;
    return bootFailure({
      exit,
      listenFailure: worker.listenFailure,
      held: heldBy(worker, this.#fleet.options),
      tail: new Redactor([env]).data(worker.output.tail),
      ownPorts: worker.ownPorts,
      isToldWhere: worker.plan.childAddress !== null,
      timedOutAfterMs: worker.dismissal === 'boot-timeout' ? bootTimeoutMs : null,
      app: app.words.join(' '),
      cwd: app.cwd,
    });
  }

  /** Workers that fail to start say the same, but for numbers (pids, times, ports): it is shown once. */
  #showOutput(worker: WorkerProcess): void {
    const key = worker.output.heldText.replace(/\d+/g, '#');
    if (this.#shownOutput.has(key)) {
      worker.output.drop();
      return;
    }
    this.#shownOutput.add(key);
    worker.output.release();
  }

  get #isFirstOver(): boolean {
    const failures = Math.min(...[...this.#fleet.slots.values()].map((slot) => slot.failedStarts));
    const isLate = performance.now() - this.#startedAtMs >= FIRST_START_MS;
    return failures >= FIRST_START_TRIES || (failures >= 1 && isLate);
  }

  #setUnavailable(retryAfterSeconds: number | null): void {
    if (retryAfterSeconds === this.#retryAfterSeconds) return;
    this.#retryAfterSeconds = retryAfterSeconds;
    this.#host.post({ type: 'unavailable', pool: this.#fleet.options.name, retryAfterSeconds });
  }
}

/** What a worker that listened has not done, in words; null for one that has not listened. */
function heldBy(worker: WorkerProcess, { ready, healthPath }: AppOptions): string | null {
  if (worker.address === null) return null;
  if (worker.healthStatus !== null) {
    const answer = worker.healthStatus === 0 ? 'no answer' : `status ${worker.healthStatus}`;
    return `did not answer GET ${healthPath} with 2xx or 3xx (last: ${answer})`;
  }
  return ready === 'message' ? "did not call process.send('ready')" : null;
}
