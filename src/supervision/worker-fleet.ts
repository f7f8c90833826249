import { constants } from 'node:os';
import type { ListenerAddress, TrialSettings } from '../channel/messages.ts';
import { availableCores } from '../config/available-cores.ts';
import type { AppOptions } from '../config/options.ts';
import type { EvenerErrorCode } from '../core/evener-error.ts';
import type { Rng } from '../core/rng.ts';
import { AppPlaces } from './app-places.ts';
import { MAX_DELAY_MS } from './back-off.ts';
import type { BalancerThread } from './balancer-thread.ts';
import type { OpenAnswer, WorkerMessage } from './balancer-threads.ts';
import { crashReport, crashText } from './crash-report.ts';
import type { SupervisorEvent } from './events.ts';
import { HungWorkers, type WorkerExplanation } from './hung-workers.ts';
import { oldestOf } from './in-flight.ts';
import { LinkWatch } from './link-watch.ts';
import type { MemoryShortage } from './memory-shortage.ts';
import { PoisonWatch } from './poison-watch.ts';
import { Readiness } from './readiness.ts';
import { StallWatch } from './stall-watch.ts';
import type { StartGate } from './start-gate.ts';
import { Starts } from './starts.ts';
import {
  type Dismissal,
  factsOf,
  placeOf,
  type WorkerExit,
  type WorkerObserver,
  type WorkerProcess,
} from './worker-process.ts';
import { WorkerQuestions } from './worker-questions.ts';
import { WorkerSlot, type WorkerSlotHost } from './worker-slot.ts';
import { WorkerStarter, type WorkerStarterHost, type WorkerStarterParts } from './worker-starter.ts';
import { WorkerState } from './worker-state.ts';

/** Signals by which people and service managers end a process. */
const ENDING_SIGNALS: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']);
/** While nobody is up the first slot tries at least this often, so that a mended app is back soon. */
const SCOUT_DELAY_MS = 5_000;
/** A worker that is told to end for its own failure gets this long. */
const SHORT_NOTICE_MS = 1_000;
/** Kept busy at first by the balancer thread, which loads its code beside the first workers. */
const CORES_OF_A_START = 1;
/** How long the first workers that are more than there are cores wait for the balancer thread at most. */
const LATER_START_MS = 1_000;

export interface WorkerFleetHost extends WorkerStarterHost {
  readonly isClosing: boolean;
  emit(event: SupervisorEvent): void;
  /** Indexes of balancer threads that do not run just now. */
  missingThreads(): readonly number[];
  /** It cannot go on. */
  giveUp(code: EvenerErrorCode, reason: string): void;
  /** Something that may be waited for has changed. */
  changed(): void;
}

export interface WorkerFleetParts extends WorkerStarterParts {
  /** Give up when no worker starts any more. */
  readonly exitOnCrashLoop: boolean;
  readonly memoryShortage: MemoryShortage;
  readonly gate: StartGate;
  readonly rng: Rng;
}

/** All workers of one app: keeps their slots filled, and judges what their deaths and failed starts mean for the whole. */
export class WorkerFleet implements WorkerSlotHost, WorkerObserver {
  /** By index. */
  readonly slots: Map<number, WorkerSlot> = new Map();
  #options: AppOptions;
  readonly #parts: WorkerFleetParts;
  readonly #host: WorkerFleetHost;
  readonly #starter: WorkerStarter;
  /** By incarnation: all that live, and those whose end has not been reported yet. */
  readonly #workers = new Map<number, WorkerProcess>();
  /** What each was born with: options that a reload brought may have been taken back since. */
  readonly #births = new WeakMap<WorkerProcess, AppOptions>();
  /** By incarnation, since when workers are silent of which that was told. */
  readonly #silentSinceMs = new Map<number, number>();
  readonly #addresses = new Map<string, ListenerAddress>();
  readonly places: AppPlaces = new AppPlaces();
  /**
   * Slots whose workers stand by. A worker's number cannot change while it runs, so that it is roles that change hands: one
   * that takes a dead one's place keeps its own number, and the dead one's is that of the next to stand by.
   */
  readonly #standby = new Set<number>();
  readonly #stalls: StallWatch;
  readonly #links: LinkWatch;
  readonly #readiness: Readiness;
  readonly #questions: WorkerQuestions;
  readonly #hung: HungWorkers;
  readonly #poison: PoisonWatch;
  readonly #starts: Starts;
  #isLeaving = false;
  #generation = 0;
  #startFailure: string | null = null;
  /** Workers of which a process is left, be it a descendant. */
  readonly #groups = new Set<WorkerProcess>();
  /** While one is admitted that stood by: whose place it takes. */
  #placeTaken: number | null = null;
  /** A worker that is tried out; null = none is. */
  #trial: TrialSettings | null = null;

  constructor(options: AppOptions, parts: WorkerFleetParts, host: WorkerFleetHost) {
    this.#options = options;
    this.#parts = parts;
    this.#host = host;
    this.#starter = new WorkerStarter(parts, host);
    this.#links = new LinkWatch({
      get isClosing() {
        return host.isClosing;
      },
      isRunning: (thread) => !host.missingThreads().includes(thread),
      isStalled: ({ incarnation }) => this.#stalls.isStalled(incarnation),
      silent: ({ incarnation }, silentMs) => this.#stalls.stalled(incarnation, silentMs),
      cutOff: (worker) => worker.dismiss('unlinked', SHORT_NOTICE_MS),
      mayReplace: (worker) => worker.dismissal === null && this.#placeOf(worker) !== null,
      unreachable: (worker, thread) => {
        host.emit({ type: 'worker-unreachable', ...factsOf(worker), thread });
        // Not by one that stands by: that one was there before the thread, too.
        this.#replace(worker);
      },
    });
    this.#readiness = new Readiness((message) => host.post(message));
    this.#stalls = new StallWatch(options.hangLimitMs, (worker, silentMs) => this.#onHung(worker, silentMs));
    this.#questions = new WorkerQuestions(parts.linkPaths.length, (message) => host.post(message));
    this.#poison = new PoisonWatch(options.quarantineMs, {
      pool: options.name,
      post: (message) => host.post(message),
      quarantined: ({ method, target, fingerprint }, scope, workers, forMs) => {
        const facts = { app: this.#options.name, method, target, fingerprint: fingerprint! };
        host.emit({ type: 'request-quarantined', ...facts, scope, workers, forMs });
      },
      released: ({ fingerprint }) =>
        host.emit({ type: 'request-released', app: this.#options.name, fingerprint: fingerprint! }),
    });
    this.#starts = new Starts(this, parts.exitOnCrashLoop, host);
    this.#hung = new HungWorkers({
      get isClosing() {
        return host.isClosing;
      },
      questions: this.#questions,
      emit: (event) => host.emit(event),
      replace: (worker) => this.#succeed(worker),
      blame: (worker, inFlight) => this.#poison.blame(worker.incarnation, inFlight),
      spare: (worker) => this.#stalls.stalled(worker.incarnation, 0),
    });
  }

  get options(): AppOptions {
    return this.#options;
  }

  /** Where its workers listen, or have listened and the port is still open. */
  get addresses(): ListenerAddress[] {
    return [...this.#addresses.values()];
  }

  /** Whether this worker is one of its own. */
  has(incarnation: number): boolean {
    return this.#workers.has(incarnation);
  }

  /** Workers that are started from now on are of these options. */
  configure(options: AppOptions): void {
    this.#options = options;
    this.#stalls.setLimit(options.hangLimitMs);
    this.#poison.configure(options.quarantineMs);
    this.#fillStandby();
  }

  /** What its workers were born with, each once; of those that are not about to go. */
  get births(): ReadonlySet<AppOptions> {
    const staying = [...this.in(WorkerState.Starting), ...this.in(WorkerState.Ready)];
    return new Set(staying.flatMap((worker) => this.#births.get(worker) ?? []));
  }

  /** Slots whose workers get requests. */
  get active(): WorkerSlot[] {
    return [...this.slots.values()].filter(({ index }) => !this.#standby.has(index));
  }

  /** Whether any worker has ever been ready. */
  get hasBeenReady(): boolean {
    return this.#starts.haveSucceeded;
  }

  /** Why no worker came up at first; null where one has, or may yet. */
  get startFailure(): string | null {
    return this.hasBeenReady ? null : this.#startFailure;
  }

  startFailed(reason: string): void {
    this.#startFailure = reason;
  }

  /** Whether no process of any worker, and no descendant, is left. */
  get isGone(): boolean {
    return this.#groups.size === 0 && [...this.live()].length === 0;
  }

  /** Workers whose process has not ended. */
  *live(): Iterable<WorkerProcess> {
    for (const worker of this.#workers.values()) if (worker.state !== WorkerState.Exited) yield worker;
  }

  /** Workers in one state. */
  in(state: WorkerState): WorkerProcess[] {
    return [...this.live()].filter((worker) => worker.state === state);
  }

  /** The first workers, and as many as there are cores for while a balancer thread starts, too. */
  addFirstSlots(): void {
    const atOnce = Math.max(1, availableCores() - CORES_OF_A_START);
    for (let index = 0; index < this.#options.workers.min; index++) {
      this.addSlot(index, index < atOnce ? 0 : LATER_START_MS);
    }
  }

  /** There are cores for those of the first workers that wait. */
  startRest(): void {
    for (const slot of this.slots.values()) if (slot.starts === 0) slot.hurry();
  }

  /** @param startInMs at the latest */
  addSlot(index: number, startInMs: number = 0): void {
    const slot = new WorkerSlot(index, this, this.#parts.rng);
    this.slots.set(index, slot);
    if (startInMs === 0) slot.start();
    else slot.startLater(startInMs);
  }

  /** Its workers finish what they have and go. */
  removeSlot(index: number): void {
    this.slots.get(index)?.remove();
    this.slots.delete(index);
    this.#standby.delete(index);
    for (const worker of this.live()) if (worker.slot === index) worker.retire(this.#options.drainLimitMs);
  }

  /** Its app was taken out: its workers finish what they have and go, and none comes any more. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** The app is no more. */
  leave(): void {
    this.#isLeaving = true;
    for (const index of [...this.slots.keys()]) this.removeSlot(index);
  }

  /** What the slot's worker is doing; null where it has none. It goes on. */
  async why(slot: number): Promise<WorkerExplanation | null> {
    const worker = this.slots.get(slot)?.current ?? null;
    return worker === null ? null : this.#hung.why(worker);
  }

  /** What is started from now on belongs to another generation. */
  beginGeneration(): void {
    this.#generation++;
    this.places.beginGeneration();
  }

  /** A worker is tried out, and balancer threads are to know; null = that is over. */
  setTrial(trial: TrialSettings | null): void {
    this.#trial = trial;
    this.#host.post({ type: 'trial', pool: this.#options.name, trial });
  }

  /** Starts nothing any more. The workers are left as they are. */
  close(): void {
    this.#stalls.close();
    this.#poison.close();
    for (const slot of this.slots.values()) slot.close();
  }

  /** Ends whatever is left of its workers at once. */
  kill(): void {
    for (const worker of new Set([...this.live(), ...this.#groups])) worker.kill('closing');
  }

  // What slots ask.

  maySpawn(slot: WorkerSlot): boolean {
    return this.#parts.gate.admits(slot);
  }

  spawn(slot: WorkerSlot): WorkerProcess {
    const isFirst = slot.index === 0 && slot.failedStarts === 0;
    const start = { slot: slot.index, generation: this.#generation, isFirst };
    const worker = this.#starter.start(this.#options, start, this);
    this.#workers.set(worker.incarnation, worker);
    this.#births.set(worker, this.#options);
    if (worker.group !== 0) this.#groups.add(worker);
    this.#parts.gate.entered(worker);
    return worker;
  }

  delayCapMs(slot: WorkerSlot): number {
    const tries = [...this.slots.values()].filter(({ isParked }) => !isParked).map(({ index }) => index);
    const isScout = slot.index === Math.min(...tries);
    return isScout && !this.#hasReadySlot ? SCOUT_DELAY_MS : MAX_DELAY_MS;
  }

  isAlone(slot: WorkerSlot): boolean {
    return this.active.every((other) => other === slot);
  }

  awaits(worker: WorkerProcess, places: readonly string[], limitMs: number): void {
    const addresses = places.flatMap((place) => this.#addresses.get(place) ?? []);
    this.#host.emit({ type: 'worker-awaited', ...factsOf(worker), addresses, limitMs });
  }

  slotSettled(slot: WorkerSlot, restarts: number): void {
    const worker = slot.current;
    if (worker !== null) this.#host.emit({ type: 'worker-settled', ...factsOf(worker), restarts });
  }

  // What workers tell.

  workerListening(worker: WorkerProcess): void {
    this.#parts.gate.left(worker);
    if (!worker.plan.isHeld) {
      this.#standby.delete(worker.slot);
      worker.admit();
    } else {
      void this.#admitWhenFit(worker);
    }
  }

  workerReady(worker: WorkerProcess): void {
    const inPlaceOf = this.#placeTaken;
    const slot = this.slots.get(worker.slot);
    const failedStarts = slot?.failedStarts ?? 0;
    slot?.ready(worker);
    const restarts = slot?.restarts ?? 0;
    this.#host.emit({
      type: 'worker-ready',
      ...factsOf(worker),
      bootMs: worker.bootMs,
      failedStarts,
      restarts,
      inPlaceOf,
    });
    this.#starts.succeeded();
    this.#fillStandby();
    this.#host.changed();
  }

  workerDraining(worker: WorkerProcess): void {
    this.#host.post({ type: 'drain-worker', worker: worker.incarnation, withinMs: worker.drainTimeMs });
    for (const thread of this.#host.missingThreads()) worker.drained(thread);
  }

  workerEnding(worker: WorkerProcess): void {
    this.#starter.ended(worker);
    for (const thread of this.#host.missingThreads()) worker.forgotten(thread);
  }

  workerExited(worker: WorkerProcess, exit: WorkerExit): void {
    this.#parts.gate.left(worker);
    this.#stalls.recovered(worker.incarnation);
    if (isAskedToGo(worker.dismissal)) {
      this.slots.get(worker.slot)?.exited(worker, null);
      this.#bury(worker);
      if (worker.dismissal === 'retired') this.#host.emit({ type: 'worker-retired', ...factsOf(worker) });
    } else if (worker.wasReady) {
      const slot = this.slots.get(worker.slot);
      if (!this.#host.isClosing && slot?.current === worker && !slot.isBeingReplaced) this.#standIn(slot);
      const isTried = slot?.isTrying(worker) === true;
      const replacedBy = isTried ? null : (slot?.successorOf(worker)?.pid ?? null);
      const nextStartInMs = this.#host.isClosing ? null : (slot?.exited(worker, null) ?? slot?.nextStartInMs ?? null);
      const restartInMs = isTried || replacedBy !== null ? null : nextStartInMs;
      void this.#reportDeath(worker, exit, { restartInMs, replacedBy });
    } else {
      if (this.#host.isClosing) worker.output.drop();
      else this.#starts.failed(worker, exit);
      this.#bury(worker);
    }
  }

  workerGone(worker: WorkerProcess): void {
    if (worker.group === 0) return;
    this.#parts.guard.forget(worker.group);
    this.#groups.delete(worker);
    this.#host.changed();
  }

  // What balancer threads tell.

  threadStarted(thread: BalancerThread): void {
    for (const worker of this.live()) {
      this.#starter.introduce(worker, this.#options, thread);
      if (worker.wasReady && !worker.servesByItself) this.#links.threadRestarted(worker, thread.index);
      // The connections of a thread that died are gone, and so are its WebSockets.
      if (worker.state === WorkerState.Draining) {
        thread.post({ type: 'drain-worker', worker: worker.incarnation, withinMs: 0 });
      }
    }
    if (this.#trial !== null) thread.post({ type: 'trial', pool: this.#options.name, trial: this.#trial });
    const quarantine = this.#poison.message;
    if (quarantine !== null) thread.post(quarantine);
    const unavailable = this.#starts.message;
    if (unavailable !== null) thread.post(unavailable);
  }

  /** A request that was suspected of the end of a worker was answered. */
  requestAcquitted(fingerprint: string): void {
    this.#poison.acquitted(fingerprint);
  }

  threadDied(thread: number): void {
    for (const worker of this.live()) worker.threadLost(thread);
  }

  threadSaid(thread: number, message: WorkerMessage): void {
    const worker = this.#workers.get(message.worker);
    if (worker === undefined) return;
    switch (message.type) {
      case 'worker-linked':
        worker.linked(thread, message.pid);
        this.#stalls.recovered(worker.incarnation);
        // The thread that had told that it is silent may have died meanwhile.
        if (thread === 0) this.#recovered(worker);
        return;
      case 'worker-listening':
        this.#announce(message.listener);
        this.places.listened(placeOf(message.listener), worker.incarnation);
        worker.listening(thread, message.listener);
        this.slots.get(worker.slot)?.listens(worker);
        return;
      case 'listen-failed':
        worker.listenFailed(message);
        this.#starts.watchListenFailure(worker);
        return;
      case 'worker-unlinked':
        worker.unlinked(thread, message.inFlight);
        if (message.reason === 'protocol') worker.dismiss('unlinked', SHORT_NOTICE_MS);
        else if (message.reason === 'closed') this.#links.closed(worker, thread);
        return;
      case 'worker-drained':
        worker.drained(thread);
        return;
      case 'worker-forgotten':
        worker.forgotten(thread);
        return;
      case 'worker-checked':
        this.#readiness.checked(message.check, message.status);
        return;
      case 'worker-stalled':
        if (worker.state === WorkerState.Exited) return;
        this.#stalls.stalled(worker.incarnation, message.isTurning ? 0 : message.silentMs);
        if (thread === 0) {
          const { silentMs, isTurning } = message;
          this.#silentSinceMs.set(worker.incarnation, performance.now() - silentMs);
          this.#host.emit({ type: 'worker-stalled', ...factsOf(worker), silentMs, isTurning });
        }
        return;
      case 'worker-turning':
        worker.turned();
        this.#stalls.turning(worker.incarnation);
        return;
      case 'worker-described':
        this.#questions.answered(message);
        return;
      case 'worker-recovered':
        this.#stalls.recovered(worker.incarnation);
        if (thread === 0) this.#recovered(worker, message.silentMs);
        return;
    }
  }

  #recovered(worker: WorkerProcess, saidMs: number | null = null): void {
    const sinceMs = this.#silentSinceMs.get(worker.incarnation);
    if (sinceMs === undefined) return;
    this.#silentSinceMs.delete(worker.incarnation);
    const silentMs = saidMs ?? performance.now() - sinceMs;
    this.#host.emit({ type: 'worker-recovered', ...factsOf(worker), silentMs });
  }

  async #admitWhenFit(worker: WorkerProcess): Promise<void> {
    if (!(await this.#readiness.passed(worker, this.#options))) return;
    const slot = this.slots.get(worker.slot);
    if (slot === undefined || !this.#standby.has(worker.slot)) {
      this.#admit(worker, null);
      return;
    }
    worker.standBy();
    slot.ready(worker);
    this.#host.emit({ type: 'worker-standing-by', ...factsOf(worker), bootMs: worker.bootMs });
    // In the meantime one may have died that nobody could stand in for.
    const gap = this.active.find((other) => !other.isReady && other.failedStarts > 0);
    if (gap !== undefined) this.#standIn(gap);
    this.#host.changed();
  }

  #admit(worker: WorkerProcess, inPlaceOf: number | null): void {
    this.#host.post({ type: 'admit-worker', worker: worker.incarnation });
    this.#placeTaken = inPlaceOf;
    worker.admit();
    this.#placeTaken = null;
  }

  /** One that stands by takes the place of this slot, which stands by from now on. @returns false when there is none */
  #standIn(slot: WorkerSlot): boolean {
    if (this.#standby.has(slot.index)) return false;
    for (const index of this.#standby) {
      const worker = this.slots.get(index)?.current ?? null;
      if (worker === null || !worker.isStandingBy || worker.dismissal !== null) continue;
      this.#standby.delete(index);
      this.#standby.add(slot.index);
      this.#admit(worker, slot.index);
      return true;
    }
    return false;
  }

  /** Those that stand by come last: when all others are ready. */
  #fillStandby(): void {
    const wanted = this.#options.standby;
    for (const index of [...this.#standby].slice(wanted)) this.removeSlot(index);
    if (
      this.#host.isClosing ||
      this.#standby.size >= wanted ||
      !this.active.every((slot) => slot.isReady || slot.isParked)
    )
      return;
    for (let index = 0; this.#standby.size < wanted; index++) {
      if (this.slots.has(index)) continue;
      this.#standby.add(index);
      this.addSlot(index);
    }
  }

  /** Nobody listens there any more. */
  portClosed({ address, port, family }: OpenAnswer): void {
    const place = family === 'unix' ? address : `${address} ${port}`;
    this.#addresses.delete(place);
    this.places.closed(place);
    for (const worker of this.live()) worker.placeClosed(place);
  }

  #announce(address: ListenerAddress): void {
    const key = placeOf(address);
    if (this.#addresses.get(key)?.protocol === address.protocol) return;
    this.#addresses.set(key, address);
    this.#host.emit({ type: 'listening', address });
  }

  async #reportDeath(
    worker: WorkerProcess,
    exit: WorkerExit,
    next: Pick<Extract<SupervisorEvent, { type: 'worker-died' }>, 'restartInMs' | 'replacedBy'>,
  ): Promise<void> {
    const restarts = this.slots.get(worker.slot)?.restarts ?? 0;
    const wasMemoryShort = this.#parts.memoryShortage.hasHappened();
    const inFlight = await worker.lastInFlight();
    if (mayBeBlamed(exit, worker.dismissal, wasMemoryShort)) this.#poison.blame(worker.incarnation, inFlight);
    await worker.lastOutput();
    const { tail } = worker.output;
    const { cwd } = this.#options.app;
    const report = crashReport({ exit, dismissal: worker.dismissal, tail, cwd, wasMemoryShort });
    const cause = crashText(exit, report);
    if (!this.#host.isClosing) {
      const told = { inFlight: oldestOf(inFlight), inFlightCount: inFlight.length };
      this.#host.emit({ type: 'worker-died', ...factsOf(worker), cause, report, ...told, ...next, restarts });
    }
    this.#bury(worker);
  }

  #bury(worker: WorkerProcess): void {
    this.#workers.delete(worker.incarnation);
    this.#silentSinceMs.delete(worker.incarnation);
    this.#parts.meters.forgetWorker(worker.incarnation);
    this.#host.changed();
  }

  #onHung(incarnation: number, silentMs: number): void {
    const worker = this.#workers.get(incarnation);
    if (worker === undefined || this.#host.isClosing || worker.state === WorkerState.Exited) return;
    void this.#hung.hung(worker, silentMs);
  }

  /** It has grown so far beyond its limit of memory that it is ended at once. */
  endTooLarge(worker: WorkerProcess): void {
    worker.condemn('too-large');
    this.#succeed(worker);
    worker.kill('too-large');
  }

  /** One that takes its place is started before it is gone. It ends by its own fault, not by being replaced. */
  #succeed(worker: WorkerProcess): void {
    const slot = this.#placeOf(worker);
    // One that stands by is started again when it has ended.
    if (slot === null || this.#standby.has(slot.index) || this.#standIn(slot)) return;
    this.#replace(worker);
  }

  #replace(worker: WorkerProcess): void {
    this.#placeOf(worker)
      ?.replace(this.#options.drainLimitMs)
      .catch(() => {});
  }

  /** The slot that is this worker's; null where another is to have it. */
  #placeOf(worker: WorkerProcess): WorkerSlot | null {
    const slot = this.slots.get(worker.slot);
    return slot?.current === worker && !slot.isBeingReplaced ? slot : null;
  }

  get #hasReadySlot(): boolean {
    return [...this.slots.values()].some((slot) => slot.isReady);
  }
}

function isAskedToGo(dismissal: Dismissal | null): boolean {
  return dismissal === 'retired' || dismissal === 'closing';
}

/** Whether a request may be why a worker ended: not where somebody ended it, by all that can be told. */
function mayBeBlamed({ code, signal }: WorkerExit, dismissal: Dismissal | null, wasMemoryShort: boolean): boolean {
  if (dismissal !== null) return false;
  const isKilled = signal === 'SIGKILL' || code === 128 + constants.signals.SIGKILL;
  if (isKilled) return wasMemoryShort;
  return signal === null ? code !== 128 + constants.signals.SIGTERM : !ENDING_SIGNALS.has(signal);
}
