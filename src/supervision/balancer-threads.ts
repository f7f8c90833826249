import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { SessionTable } from '../balancing/session-table.ts';
import {
  type BalancerSettings,
  CHANNEL_VERSION,
  type FromBalancer,
  type FromSupervisor,
  type ListenerAddress,
  type OpenedPort,
  type PoolSettings,
} from '../channel/messages.ts';
import type { PoolOptions, ResolvedOptions } from '../config/options.ts';
import type { ActivatedSocket } from '../core/activated-socket.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';
import { CAN_REUSE_PORT } from '../core/reuse-port.ts';
import type { Rng } from '../core/rng.ts';
import type { Meters } from '../observability/meters.ts';
import { BalancerThread } from './balancer-thread.ts';
import { connectionsAllowed, openFilesLimit } from './open-files.ts';
import type { RuntimeDirectory } from './runtime-directory.ts';

/** New options of which threads die more than once within so long are taken back. */
const TRIAL_MS = 10_000;

/** A message of a balancer thread about one worker. */
export type WorkerMessage = Exclude<Extract<FromBalancer, { worker: number }>, { type: 'app-metrics' }>;

/** Where a port was open. */
export type OpenAnswer = ListenAnswer & { readonly ok: true };

/** A message of a balancer thread about one pool of servers. */
export type PoolMessage = Extract<FromBalancer, { pool: string }>;

export interface BalancerThreadsObserver {
  /** A thread was started, for the first time or again: tell it what it has to know. */
  threadStarted(thread: BalancerThread): void;
  /** One has loaded its code and takes workers. */
  threadReady(): void;
  threadDied(thread: BalancerThread, cause: string, restartInMs: number): void;
  /** They die of the options that a reload has brought: those of before hold again. */
  optionsTakenBack(cause: string): void;
  threadSaid(thread: BalancerThread, message: WorkerMessage): void;
  /** A request that was suspected was answered. */
  requestAcquitted(pool: string, fingerprint: string): void;
  threadSaidOfPool(thread: BalancerThread, message: PoolMessage): void;
  /** Lines of the access log, for stdout. @param onWritten to be called when they are out */
  logLines(lines: Uint8Array, onWritten: (bytes: number) => void): void;
  /** Why a thread cannot write the access log; null = it can again. */
  logState(thread: number, reason: string | null): void;
  /** What a worker's app has counted itself, in answer to a question. */
  appMetrics(question: number, worker: number, json: string): void;
  /** It was open before a thread died, and cannot be opened again: that is tried on. */
  portLost(address: ListenerAddress, reason: string): void;
  /** It is open again, or nobody listens there any more. */
  portBack(address: ListenerAddress, isOpen: boolean): void;
  /** Nobody listens there any more. */
  portClosed(where: OpenAnswer): void;
  /** All of them have finished what was in flight. */
  threadsDrained(): void;
}

/** The balancer threads as one. */
export class BalancerThreads {
  readonly linkPaths: readonly string[];
  readonly #threads: readonly BalancerThread[];
  readonly #meters: Meters;
  readonly #observer: BalancerThreadsObserver;
  /** As of the last {@link configure}; null = as they were born with. */
  #settings: BalancerSettings | null = null;
  /** Settings that have come lately, and those that held before. */
  #trial: { readonly before: BalancerSettings; readonly endMs: number; deaths: number } | null = null;
  readonly #firstSettings: BalancerSettings;
  #hasTakenBack = false;
  readonly #drained = new Set<number>();
  /** What thread 0 has told of its ports, by key. */
  readonly #opened = new Map<string, OpenedPort>();
  /** By key, those that it cannot open again. */
  readonly #lost = new Map<string, ListenerAddress>();
  #isDraining = false;
  #hasBeenReady = false;

  constructor(
    options: ResolvedOptions,
    directory: RuntimeDirectory,
    script: URL,
    meters: Meters,
    rng: Rng,
    observer: BalancerThreadsObserver,
    activated: readonly ActivatedSocket[] = [],
  ) {
    this.#meters = meters;
    this.#observer = observer;
    const indexes = Array.from({ length: options.threads }, (_, index) => index);
    this.linkPaths = indexes.map((index) => directory.linkPath(index));
    // Both outlive the threads.
    const sessions = SessionTable.memoryFor(options.threads);
    const secret = randomBytes(32).toString('base64url');
    this.#firstSettings = settingsOf(options, meters);
    this.#threads = indexes.map((thread) => {
      const birth = {
        version: CHANNEL_VERSION,
        thread,
        threads: options.threads,
        linkPath: this.linkPaths[thread]!,
        settings: this.#firstSettings,
        meter: meters.threads,
        sessions,
        secret,
        activated,
        // As it is when a thread is born.
        opened: this.#opened,
      };
      return new BalancerThread(birth, script, this, rng);
    });
  }

  /** Of those that run. */
  get openLinkPaths(): string[] {
    return this.#threads.filter((thread) => thread.isRunning).map(({ index }) => this.linkPaths[index]!);
  }

  /** Whether a thread has ever come up. */
  get hasBeenReady(): boolean {
    return this.#hasBeenReady;
  }

  /** Whether options were taken back, and none have come since: there may be workers that the threads know no app of. */
  get hasTakenBack(): boolean {
    return this.#hasTakenBack;
  }

  /** Whether none runs just now. */
  get areAllDown(): boolean {
    return this.#threads.every((thread) => !thread.isRunning);
  }

  /** Threads accept on descriptors of each other, which the end of one closes under the rest. */
  get shareDescriptors(): boolean {
    return this.#threads.length > 1 && !CAN_REUSE_PORT;
  }

  /** Addresses that were open before a thread died, and are not now. */
  get lostAddresses(): ListenerAddress[] {
    return [...this.#lost.values()];
  }

  /** Whether each has said that nothing is in flight any more, or is not there to say so. */
  get areDrained(): boolean {
    return this.#threads.every((thread) => this.#drained.has(thread.index) || !thread.isRunning);
  }

  start(): void {
    for (const thread of this.#threads) thread.start();
  }

  post(message: FromSupervisor): void {
    for (const thread of this.#threads) thread.post(message);
  }

  /** To one of them: the first that runs. */
  postToOne(message: FromSupervisor): void {
    this.#threads.find((thread) => thread.isRunning)?.post(message);
  }

  /** Share of time since it was last asked in which each was busy, 0-1. */
  utilization(): number[] {
    return this.#threads.map((thread) => thread.utilization());
  }

  /** Indexes of those that do not run just now. */
  missing(): number[] {
    return this.#threads.filter((thread) => !thread.isRunning).map((thread) => thread.index);
  }

  /** The options have been read again. */
  configure(options: ResolvedOptions): void {
    const nowMs = performance.now();
    const last = this.#trial;
    // Those of which one has died already are none to go back to.
    const isDoubtful = last !== null && last.deaths > 0 && nowMs < last.endMs;
    const before = isDoubtful ? last.before : (this.#settings ?? this.#firstSettings);
    const settings = settingsOf(options, this.#meters);
    this.#trial = isDeepStrictEqual(settings, before) ? null : { before, endMs: nowMs + TRIAL_MS, deaths: 0 };
    this.#hasTakenBack = false;
    this.#adopt(settings);
  }

  /** The reload has failed: these, of before it, hold again, and are no news to anybody. */
  goBackTo(options: ResolvedOptions): void {
    this.#trial = null;
    this.#hasTakenBack = false;
    this.#adopt(settingsOf(options, this.#meters));
  }

  #adopt(settings: BalancerSettings): void {
    this.#settings = settings;
    this.post({ type: 'configure', settings });
  }

  /** @param withinMs after which workers are told to end */
  drain(withinMs: number): void {
    this.#isDraining = true;
    this.post({ type: 'drain', withinMs });
  }

  /**
   * None is started again. One that is, while another still holds the number of a descriptor that was closed, may get that
   * number for its own event loop, and have it closed in turn: libuv aborts the process then.
   */
  stayDown(): void {
    for (const thread of this.#threads) thread.stayDown();
  }

  async close(): Promise<void> {
    this.post({ type: 'close' });
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  // What one of them tells.

  threadStarted(thread: BalancerThread): void {
    if (this.#settings !== null) thread.post({ type: 'configure', settings: this.#settings });
    this.#observer.threadStarted(thread);
    if (this.#isDraining) thread.post({ type: 'drain', withinMs: 0 });
  }

  threadDied(thread: BalancerThread, cause: string, restartInMs: number): void {
    this.#meters.threadDied(thread.index);
    this.#observer.threadDied(thread, cause, restartInMs);
    this.#judgeTrial(cause);
    if (this.areDrained) this.#observer.threadsDrained();
  }

  /** What nobody saw to be wrong with new options must not keep the service down. */
  #judgeTrial(cause: string): void {
    if (this.#trial === null || performance.now() > this.#trial.endMs || ++this.#trial.deaths < 2) return;
    this.#adopt(this.#trial.before);
    this.#trial = null;
    this.#hasTakenBack = true;
    this.#observer.optionsTakenBack(cause);
  }

  threadSaid(thread: BalancerThread, message: FromBalancer): void {
    switch (message.type) {
      case 'ready':
        this.#hasBeenReady = true;
        this.#observer.threadReady();
        return;
      case 'drained':
        this.#drained.add(thread.index);
        if (this.areDrained) this.#observer.threadsDrained();
        return;
      case 'log-lines':
        this.#observer.logLines(message.lines, (bytes) => thread.post({ type: 'log-written', bytes }));
        return;
      case 'log-state':
        this.#observer.logState(thread.index, message.reason);
        return;
      case 'app-metrics':
        this.#observer.appMetrics(message.question, message.worker, message.json);
        return;
      case 'port-opened':
        if (message.opened.answer.ok) {
          this.#opened.set(message.opened.key, message.opened);
          this.#portBack(message.opened.key, true);
        }
        for (const other of this.#threads) {
          if (other.index !== 0) other.post({ type: 'adopt-port', opened: message.opened });
        }
        return;
      case 'port-lost':
        if (this.#lost.has(message.key)) return;
        this.#lost.set(message.key, message.listener);
        this.#observer.portLost(message.listener, message.message);
        return;
      case 'port-closed':
        this.#portClosed(message.key);
        return;
      case 'request-acquitted':
        this.#observer.requestAcquitted(message.pool, message.fingerprint);
        return;
      case 'pool-listening':
      case 'pool-listen-failed':
      case 'server-state':
      case 'endpoint-ejected':
      case 'endpoint-returned':
        this.#observer.threadSaidOfPool(thread, message);
        return;
      default:
        this.#observer.threadSaid(thread, message);
    }
  }

  #portClosed(key: string): void {
    const answer = this.#opened.get(key)?.answer;
    this.#opened.delete(key);
    this.#portBack(key, false);
    if (answer?.ok) this.#observer.portClosed(answer);
  }

  #portBack(key: string, isOpen: boolean): void {
    const address = this.#lost.get(key);
    if (address === undefined) return;
    this.#lost.delete(key);
    this.#observer.portBack(address, isOpen);
  }
}

/** What the balancer has to know of the options. */
export function settingsOf(options: ResolvedOptions, meters: Meters): BalancerSettings {
  const apps = options.apps.map((app) => {
    return { ...poolSettingsOf(app), port: app.port, servers: null, meter: meters.pool(app.name) };
  });
  const pools = options.pools.map((pool) => {
    const { servers, sources, listen, upstream } = pool;
    return {
      ...poolSettingsOf(pool),
      port: null,
      servers: { servers, areFound: sources.length > 0, listen, upstream },
      meter: meters.pool(pool.name),
    };
  });
  const { accessLog, maxConnectionsPerAddress } = options;
  const maxConnections = options.maxConnections ?? connectionsAllowed(openFilesLimit(), options);
  const isMaxOfDescriptors = options.maxConnections === null;
  return { pools: [...apps, ...pools], accessLog, maxConnections, isMaxOfDescriptors, maxConnectionsPerAddress };
}

function poolSettingsOf(pool: PoolOptions): Omit<PoolSettings, 'port' | 'servers' | 'meter'> {
  const { name, routes, queueLimit, queueTimeoutMs, hedgeMs, reportLoad } = pool;
  const { headerTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs, responseTimeoutMs } = pool;
  const { policy, trustedProxies, hashKey, hashBound, firstRoom, slowStartMs, maxConcurrency, outlier, zone, sticky } =
    pool;
  return {
    ...{ name, routes, queueLimit, queueTimeoutMs, hedgeMs, reportLoad },
    ...{ headerTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs, responseTimeoutMs },
    ...{ policy, trustedProxies, hashKey, hashBound, firstRoom, slowStartMs, maxConcurrency, outlier, zone, sticky },
  };
}
