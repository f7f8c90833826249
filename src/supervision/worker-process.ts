import { ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { InFlightRequest, ListenerAddress } from '../channel/messages.ts';
import type { ChildAddress } from './child-address.ts';
import type { WorkerFacts } from './events.ts';
import { findInspector } from './inspector-address.ts';
import { type OutputSink, WorkerOutput } from './output.ts';
import { signalGroup, sweepGroup } from './process-group.ts';
import { TcpState, tcpSocketsOf } from './tcp-sockets.ts';
import type { WorkerCommand } from './worker-command.ts';
import { stepOf, WorkerEvent, WorkerState } from './worker-state.ts';

/** How long the last output of a process that died at boot may be on its way. */
const LAST_OUTPUT_MS = 250;
/** How long descendants may outlive a worker that died by itself. */
const ORPHANS_MS = 500;
/** How long a balancer thread may take to tell what was in flight: a few ms, or more where the machine has no time for it. */
const LAST_WORD_MS = 1_500;

/** Of the time that a worker has to go, what is kept for its own end. */
const END_MS = 1_000;

/** How a process ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started (`spawn EAGAIN`), else null. */
  readonly spawnFailure: string | null;
}

export interface ListenFailure {
  readonly code: string;
  readonly address: string | null;
  readonly port: number;
}

/** Why a worker was told to go; null for one that goes by itself. */
export type Dismissal = 'retired' | 'hung' | 'too-large' | 'boot-timeout' | 'unlinked' | 'closing';

export interface WorkerObserver {
  /** It listens. It gets requests, and is ready, once it is {@link WorkerProcess.admit | admitted}. */
  workerListening(worker: WorkerProcess): void;
  workerReady(worker: WorkerProcess): void;
  /** Its balancer threads are to give it nothing new and say when it has finished. */
  workerDraining(worker: WorkerProcess): void;
  /** The process has ended: its balancer threads are to forget it. */
  workerEnding(worker: WorkerProcess): void;
  /** For one that was never ready its last output has been read, and what its threads had to tell. */
  workerExited(worker: WorkerProcess, exit: WorkerExit): void;
  /** None of its descendants is left either. */
  workerGone(worker: WorkerProcess): void;
}

export interface WorkerPlan {
  /** Unique within the supervisor's life. */
  readonly incarnation: number;
  /** Name of its app. */
  readonly app: string;
  /** From 0 in its app, stable over restarts. */
  readonly slot: number;
  /** Which start or reload it belongs to. */
  readonly generation: number;
  /** 32 hex digits. */
  readonly token: string;
  /** It gets no requests before it is admitted. */
  readonly isHeld: boolean;
  /** Where it is to listen if it is no Node under our preload; null = it is. */
  readonly childAddress: ChildAddress | null;
  readonly command: WorkerCommand;
  /** Balancer threads that it has to reach before it is ready. */
  readonly threads: number;
  readonly bootTimeoutMs: number;
  /** Output is held back until it is ready, or for this long. */
  readonly holdOutputMs: number;
}

/** That it turns is told with every beat, of which there are four a second. */
const TURNED_LATELY_MS = 1_000;

/** One child process, from fork to exit; see `worker-state.ts` for its table. */
export class WorkerProcess {
  readonly plan: WorkerPlan;
  readonly output: WorkerOutput;
  readonly startedAtMs: number = performance.now();
  /** Resolves when it has said so by `process.send('ready')`; never where there is no way to. */
  readonly saidReady: Promise<void>;
  readonly #observer: WorkerObserver;
  readonly #child: ChildProcess;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #listening = new Set<number>();
  /** Where it listens. */
  readonly #places = new Set<string>();
  readonly #drained = new Set<number>();
  readonly #forgotten = new Set<number>();
  readonly #linked = new Set<number>();
  readonly #inFlight: InFlightRequest[] = [];
  readonly #ended = new AbortController();
  #state: WorkerState = WorkerState.Starting;
  /** Its last answer to the question for its health that did not pass; 0 = none, null = not asked. */
  healthStatus: number | null = null;
  #listens = false;
  #dismissal: Dismissal | null = null;
  #stopLimitMs = 0;
  /** When what is left of it gets SIGKILL, once it has been told to go. */
  #killAtMs = 0;
  #linkedPid: number | null = null;
  #readyAtMs: number | null = null;
  #turnedAtMs = Number.NEGATIVE_INFINITY;
  #address: ListenerAddress | null = null;
  #listenFailure: ListenFailure | null = null;

  constructor(plan: WorkerPlan, out: OutputSink, err: OutputSink, observer: WorkerObserver) {
    this.plan = plan;
    this.#observer = observer;
    const child = spawnChild(plan.command);
    this.#child = child;
    this.output = new WorkerOutput(
      String(plan.slot),
      child.stdout ?? Readable.from([]),
      out,
      child.stderr ?? Readable.from([]),
      err,
    );
    this.saidReady = new Promise((resolve) => {
      child.on('message', (message) => {
        if (message === 'ready') resolve();
      });
    });
    let isOver = false;
    const over = (exit: WorkerExit): void => {
      if (isOver) return;
      isOver = true;
      void this.#exited(exit);
    };
    child.on('error', (error) => {
      // An error of the ipc channel is no exit: the process itself tells its own end.
      if (child.pid === undefined) over({ code: null, signal: null, spawnFailure: error.message });
    });
    child.once('exit', (code, signal) => over({ code, signal, spawnFailure: null }));
    if (plan.bootTimeoutMs > 0) {
      this.#after(plan.bootTimeoutMs, () => void this.#bootTimedOut());
    }
    this.#after(plan.holdOutputMs, () => this.output.release());
  }

  get incarnation(): number {
    return this.plan.incarnation;
  }

  get slot(): number {
    return this.plan.slot;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** The process that listens, once it is known; else the one that was started. 0 when it could not be started. */
  get pid(): number {
    return this.#linkedPid ?? this.group;
  }

  /** Process group, which is the pid of the process that was started. 0 when it could not be started. */
  get group(): number {
    return this.#child.pid ?? 0;
  }

  /** Ready, or standing by. */
  get wasReady(): boolean {
    return this.#readyAtMs !== null;
  }

  /** It could take requests, and waits until it is to. */
  get isStandingBy(): boolean {
    return this.wasReady && this.#state === WorkerState.Starting;
  }

  /** Aborted when its process ends. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** It has told that its event loop turns, though requests wait long there. */
  turned(): void {
    this.#turnedAtMs = performance.now();
  }

  get hasTurnedLately(): boolean {
    return performance.now() - this.#turnedAtMs < TURNED_LATELY_MS;
  }

  /** Ports on which it listened by itself when its boot timed out. */
  ownPorts: readonly number[] = [];

  /** It serves on an address of its own, not over a link. */
  servesByItself = false;

  /** From fork to ready, or to standing by. */
  get bootMs(): number {
    return (this.#readyAtMs ?? performance.now()) - this.startedAtMs;
  }

  /** Where its first listener is reached, once there is one. */
  get address(): ListenerAddress | null {
    return this.#address;
  }

  /**
   * Where another one of its app listens and it does not yet. Nothing where they have no place in common: then the app has
   * been told to listen elsewhere.
   */
  placesMissing(other: WorkerProcess): string[] {
    const missing = [...other.#places].filter((place) => !this.#places.has(place));
    return missing.length === other.#places.size ? [] : missing;
  }

  /** Nobody listens there any more. */
  placeClosed(place: string): void {
    this.#places.delete(place);
  }

  get dismissal(): Dismissal | null {
    return this.#dismissal;
  }

  /** How long it has to finish what it has before it is told to end, once that was said. */
  get drainTimeMs(): number {
    return drainTimeOf(this.#stopLimitMs);
  }

  get listenFailure(): ListenFailure | null {
    return this.#listenFailure;
  }

  /** Whether any balancer thread can reach it. */
  get isLinked(): boolean {
    return this.#linked.size > 0;
  }

  /** One that listens may have requests before it is heard that it does; one that nobody reaches, or may give any, has none. */
  get mayServe(): boolean {
    if (this.#state !== WorkerState.Starting) return true;
    return !this.plan.isHeld && (this.isLinked || this.servesByItself);
  }

  isLinkedTo(thread: number): boolean {
    return this.#linked.has(thread);
  }

  /** @param pid 0 = that which was started */
  linked(thread: number, pid: number): void {
    this.#linked.add(thread);
    this.#forgotten.delete(thread);
    if (pid !== 0) this.#linkedPid = pid;
  }

  unlinked(thread: number, inFlight: readonly InFlightRequest[]): void {
    this.#linked.delete(thread);
    this.#inFlight.push(...inFlight);
    this.drained(thread);
  }

  /** It listens, as far as this thread is concerned. */
  listening(thread: number, address: ListenerAddress): void {
    this.#address ??= address;
    this.#places.add(placeOf(address));
    this.#listenFailure = null;
    this.#listening.add(thread);
    if (this.#listening.size !== this.plan.threads || this.#listens) return;
    this.#listens = true;
    this.#observer.workerListening(this);
  }

  /** It has passed all that was asked of it, and is to get no requests yet. */
  standBy(): void {
    this.#readyAtMs = performance.now();
    this.output.release();
  }

  /** It has passed all that was asked of it. */
  admit(): void {
    this.#handle(WorkerEvent.Admitted);
  }

  listenFailed(failure: ListenFailure): void {
    this.#listenFailure = failure;
  }

  /** A thread has nothing of it in flight any more, or is itself no more. */
  drained(thread: number): void {
    if (this.#state !== WorkerState.Draining) return;
    this.#drained.add(thread);
    if (this.#drained.size === this.plan.threads) this.#handle(WorkerEvent.Drained);
  }

  /** Lets it finish what it has, then ends it. @param limitMs from now to SIGKILL */
  retire(limitMs: number): void {
    this.#dismissal ??= 'retired';
    this.#limit(limitMs);
    this.#handle(this.mayServe ? WorkerEvent.Drain : WorkerEvent.Stop);
    this.#after(this.drainTimeMs, () => this.#handle(WorkerEvent.Stop));
    this.#after(limitMs, () => this.#handle(WorkerEvent.Kill));
  }

  /** Says why it will be told to go, before it is. */
  condemn(why: Dismissal): void {
    this.#dismissal ??= why;
  }

  /** SIGTERM, and SIGKILL after the limit. */
  dismiss(why: Dismissal, limitMs: number): void {
    this.#dismissal ??= why;
    this.#limit(limitMs);
    this.#handle(WorkerEvent.Stop);
    this.#after(limitMs, () => this.#handle(WorkerEvent.Kill));
  }

  /** SIGKILL, also for descendants that have outlived it. */
  kill(why: Dismissal): void {
    this.#dismissal ??= why;
    this.#limit(0);
    this.#handle(WorkerEvent.Kill);
  }

  /** A balancer thread died: nothing can be in flight there. */
  threadLost(thread: number): void {
    this.#linked.delete(thread);
    this.#listening.delete(thread);
    this.drained(thread);
    this.forgotten(thread);
  }

  /** Resolves when all that it wrote has been read, or should have been: a descendant may keep its streams open. */
  async lastOutput(): Promise<void> {
    await Promise.race([this.output.ended, sleep(LAST_OUTPUT_MS)]);
    // Where we were kept from turning ourselves, what is there is read only now.
    await nextTurn();
  }

  /** This balancer thread has no more to tell of it. */
  forgotten(thread: number): void {
    this.#forgotten.add(thread);
  }

  /** Resolves when every thread has told all it had to tell of it. */
  async #lastWord(): Promise<void> {
    const deadline = performance.now() + LAST_WORD_MS;
    while (this.#forgotten.size < this.plan.threads && performance.now() < deadline) await sleep(5);
  }

  /** What was in flight when it went, once every thread that it was linked to has told. */
  async lastInFlight(): Promise<readonly InFlightRequest[]> {
    const deadline = performance.now() + LAST_WORD_MS;
    while (this.#linked.size > 0 && performance.now() < deadline) await sleep(10);
    return this.#inFlight;
  }

  async #bootTimedOut(): Promise<void> {
    const isBooting = (): boolean => this.#state === WorkerState.Starting && !this.wasReady;
    if (!isBooting()) return;
    const [sockets, inspector] = await Promise.all([tcpSocketsOf(this.pid), findInspector(this.pid)]);
    const ports = sockets.filter(({ state }) => state === TcpState.Listen).map(({ port }) => port);
    this.ownPorts = [...new Set(ports)].filter((port) => inspector?.url.includes(`:${port}/`) !== true);
    if (isBooting()) this.dismiss('boot-timeout', 1000);
  }

  #handle(event: WorkerEvent): void {
    const { next, act } = stepOf(this.#state, event);
    this.#state = next;
    switch (act) {
      case 'announce':
        this.#readyAtMs ??= performance.now();
        this.output.release();
        this.#observer.workerReady(this);
        return;
      case 'drain':
        this.#observer.workerDraining(this);
        return;
      case 'terminate':
        this.#signal('SIGTERM');
        return;
      case 'kill':
        this.#signal('SIGKILL');
        return;
      case 'bury':
      case 'none':
        return;
    }
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.group !== 0) signalGroup(this.group, signal);
  }

  async #exited(exit: WorkerExit): Promise<void> {
    this.#ended.abort();
    this.#clearTimers();
    const gone = this.#seeOutDescendants();
    this.#observer.workerEnding(this);
    // It may have died of a request that was waiting for it, before it was heard that it listens.
    if (!this.wasReady) await Promise.all([this.lastOutput(), this.#lastWord()]);
    this.#handle(WorkerEvent.Exit);
    // Those of a dismissal in the meantime.
    this.#clearTimers();
    this.#observer.workerExited(this, exit);
    await Promise.all([gone, this.lastOutput()]);
    this.#observer.workerGone(this);
  }

  async #seeOutDescendants(): Promise<void> {
    if (this.group === 0) return;
    if (this.#dismissal === null) {
      signalGroup(this.group, 'SIGTERM');
      this.#limit(ORPHANS_MS);
    }
    await sweepGroup(this.group, () => this.#killAtMs);
  }

  #limit(limitMs: number): void {
    this.#stopLimitMs = limitMs;
    this.#killAtMs = performance.now() + limitMs;
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #after(ms: number, act: () => void): void {
    if (this.#state === WorkerState.Exited) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }
}

/** Of the time that a worker has to go, what it has to finish its requests: a second, or half of it, is for its own end. */
export function drainTimeOf(limitMs: number): number {
  return Math.max(limitMs / 2, limitMs - END_MS);
}

export function factsOf(worker: WorkerProcess): WorkerFacts {
  return { app: worker.plan.app, slot: worker.slot, pid: worker.pid };
}

function spawnChild(command: WorkerCommand): ChildProcess {
  try {
    // Its own group, so that a whole tree (npm, sh, node) gets our signals and none of the terminal's.
    return spawn(command.file, command.args, {
      cwd: command.cwd,
      env: command.env,
      detached: true,
      stdio: command.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    // Some errors (ENOMEM, E2BIG) are thrown, others (EAGAIN, ENOENT) emitted; to us they are all a failed start.
    const child = new ChildProcess();
    process.nextTick(() => child.emit('error', error));
    return child;
  }
}

/** One word for it. */
export function placeOf({ host, port, path }: ListenerAddress): string {
  return path ?? `${host} ${port}`;
}
