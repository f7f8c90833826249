import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { FromSupervisor } from '../channel/messages.ts';
import type { AppOptions, ResolvedOptions, ServersOptions } from '../config/options.ts';
import { MAX_WORKERS } from '../config/schema.ts';
import type { ServerOptions } from '../config/upstream.ts';
import { EvenerError, type EvenerErrorCode } from '../core/evener-error.ts';
import { FLUSH_LIMIT_MS, Notices } from '../notify/notices.ts';
import { IncidentRing } from '../observability/incident-ring.ts';
import { Redactor } from '../observability/redaction.ts';
import { checkLogFile } from './access-log-keeper.ts';
import { assemble, type Parts, type PartsHost, type SupervisorSurroundings } from './assembly.ts';
import type { BalancerThread } from './balancer-thread.ts';
import type { PoolMessage, WorkerMessage } from './balancer-threads.ts';
import { Changes } from './changes.ts';
import type { DeskHost } from './control-desk.ts';
import type { SupervisorEvent, SupervisorListener } from './events.ts';
import { FileWatch } from './file-watch.ts';
import { prepareReports } from './hang-report.ts';
import type { WorkerExplanation } from './hung-workers.ts';
import { IncidentDesk } from './incident-desk.ts';
import { descriptorShortage, openFilesLimit } from './open-files.ts';
import { Registrations } from './registrations.ts';
import { Reloader, type ReloadReport, type ReloadRequest } from './reloader.ts';
import { removeStaleDirectories, runtimeBases } from './runtime-directory.ts';
import { type PoolView, ServerWatch } from './server-watch.ts';
import { WorkerFleet } from './worker-fleet.ts';
import { drainTimeOf, factsOf, type WorkerProcess } from './worker-process.ts';
import type { WorkerSlot } from './worker-slot.ts';

/** What workers that could not serve anyway get to end by themselves; of a drain, what is kept back for their own end. */
const SHORT_NOTICE_MS = 1_000;

/** After the start, when nobody waits for us. */
const PREPARE_REPORTS_AFTER_MS = 10_000;

/** In events: our own words, and the user's names for apps. */
const NAMES: ReadonlySet<string> = new Set(['type', 'app', 'code']);

type Phase = 'idle' | 'starting' | 'running' | 'closing' | 'closed';

/**
 * Keeps the workers of apps and the balancer threads alive. It carries no request; it decides how many workers there are, of
 * which generation, and when everything begins and ends.
 */
export class Supervisor {
  /** Resolves when everything has ended: null when it was asked to, else why it gave up. */
  readonly closed: Promise<EvenerError | null>;
  #options: ResolvedOptions;
  readonly #surroundings: SupervisorSurroundings;
  readonly #listeners = new Set<SupervisorListener>();
  readonly #changes = new Changes();
  readonly #reloads: Reloader;
  #parts: Parts | null = null;
  #phase: Phase = 'idle';
  #isKilled = false;
  #closingSinceMs = 0;
  #lastIncarnation = 0;
  #files: FileWatch | null = null;
  #preparation: NodeJS.Timeout | null = null;
  #redactor: Redactor;
  readonly #desk: IncidentDesk;
  /** What has gone wrong, and what of it lasts. */
  readonly incidents: IncidentRing;
  readonly #notices: Notices;
  readonly #registrations = new Registrations((event) => this.#emit(event));
  #resolveClosed: (error: EvenerError | null) => void = () => {};

  constructor(options: ResolvedOptions, surroundings: SupervisorSurroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#redactor = redactorFor(options);
    this.incidents = new IncidentRing((value) => this.#redactor.data(value));
    const names = (): string[] => [...this.#options.apps, ...this.#options.pools].map(({ name }) => name);
    this.#desk = new IncidentDesk(this.incidents, names);
    this.#notices = new Notices(this.incidents, options.name, options, {
      notifierFailed: (notifier, reason, isRetried) =>
        this.#emit({ type: 'notifier-failed', notifier, reason, isRetried }),
      notifierRecovered: (notifier, lost) => this.#emit({ type: 'notifier-recovered', notifier, lost }),
    });
    this.#reloads = this.#makeReloader();
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get options(): ResolvedOptions {
    return this.#options;
  }

  /** Every app has had a ready worker, and it is not closing. */
  get isRunning(): boolean {
    return this.#phase === 'running';
  }

  /** How many workers there should be, of all apps. */
  get workers(): number {
    return this.#fleets.reduce((sum, fleet) => sum + fleet.active.length, 0);
  }

  /** Pools of servers as they are now; copies. */
  get pools(): readonly PoolView[] {
    return this.#pools.map(({ view }) => view);
  }

  /** Calls the listener with every event; the answer takes it off again. */
  subscribe(listener: SupervisorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Resolves when every app has a worker that is ready.
   * @throws EvenerError EVENER_START_FAILED when no worker can come up; everything has been ended then
   */
  async start(): Promise<void> {
    if (this.#phase !== 'idle') throw new EvenerError('EVENER_NOT_RUNNING', 'start() may be called once');
    this.#phase = 'starting';
    const { apps, threads } = this.#options;
    const facts = apps.map(({ name, app, workers }) => {
      return { app: name, command: app.words.join(' '), workers: workers.min };
    });
    const pools = this.#options.pools.map(({ name, servers, sources }) => ({
      pool: name,
      servers: servers.map(({ url }) => url),
      sources: sources.map(({ url }) => url),
    }));
    const shortage = descriptorShortage(openFilesLimit(), this.#options);
    this.#emit({ type: 'starting', apps: facts, pools, threads, shortage });
    const parts = this.#assembleOrFail();
    const deskOpened = this.#openDesk(parts);
    parts.threads.start();
    // Workers need longer to start than threads, and dial again where one is not there yet.
    for (const app of apps) this.#addFleet(parts, app);
    for (const pool of this.#options.pools) this.#addPool(parts, pool);
    for (const base of new Set(runtimeBases(process.env))) void removeStaleDirectories(base);
    await this.#changes.until(
      () => (this.#fleets.every((fleet) => fleet.hasBeenReady) && this.#arePoolsOpen) || this.#isClosing,
    );
    if (!this.#isClosing) {
      this.#phase = 'running';
      if (apps.length > 0) {
        this.#preparation = setTimeout(() => void prepareReports(), PREPARE_REPORTS_AFTER_MS).unref();
      }
      void deskOpened.then(() => {
        if (!this.#isClosing) parts.directoryWatch.start();
      });
      void this.#registrations.configure(this.#options.register);
      if (this.#options.watch) this.#watchFiles();
      return;
    }
    const error = await this.closed;
    throw error ?? new EvenerError('EVENER_START_FAILED', 'stopped before a worker was ready', { reason: 'stopped' });
  }

  /** Stops accepting, lets what is in flight finish up to the drain limit, ends the workers. */
  async close(): Promise<void> {
    if (this.#parts === null) this.#closeUnstarted(null);
    if (!this.#isClosing) await this.#drainAndEnd(this.#parts!);
    await this.closed;
  }

  /** Ends everything at once. */
  async kill(): Promise<void> {
    if (this.#parts === null) this.#closeUnstarted(null);
    if (this.#phase !== 'closed') {
      this.#isKilled = true;
      const parts = this.#beginClosing();
      for (const fleet of this.#fleets) fleet.kill();
      await this.#end(parts, null);
    }
    // Where somebody else has begun with it.
    await this.closed;
  }

  /**
   * More are started at once; those too many finish what they have and go.
   * @param workers 1-512
   * @param app may be left out where there is only one
   * @throws EvenerError EVENER_NOT_RUNNING; EVENER_USAGE when the app has to be named, or is not known
   */
  scale(workers: number, app: string | null = null): void {
    this.#scaleFleet(this.#fleetOf(app, 'scale()'), workers);
  }

  /** So many workers more, or less, of one app or of all. @throws EvenerError as {@link scale} */
  scaleBy(step: number, app: string | null = null): void {
    this.#runningParts('scaleBy()');
    const fleets = app === null ? this.#fleets : [this.#fleetOf(app, 'scaleBy()')];
    for (const fleet of fleets) this.#scaleFleet(fleet, fleet.active.length + step);
  }

  #scaleFleet(fleet: WorkerFleet, workers: number, why: string | null = null): void {
    const wanted = Math.min(MAX_WORKERS, Math.max(1, Math.round(workers)));
    if (fleet.isLeaving || wanted === fleet.active.length) return;
    this.#emit({ type: 'scaled', app: fleet.options.name, workers: wanted, why });
    for (let index = 0; fleet.active.length < wanted; index++) if (!fleet.slots.has(index)) fleet.addSlot(index);
    const indexes = fleet.active.map(({ index }) => index).sort((a, b) => b - a);
    for (const index of indexes.slice(0, Math.max(0, indexes.length - wanted))) fleet.removeSlot(index);
  }

  /**
   * Reads the options again, applies what can be applied as it is, and replaces the workers one by one, each by one that is
   * ready before it goes. While one reload runs a second waits, and a third is the second.
   *
   * @throws EvenerError EVENER_RELOAD_FAILED: a new worker did not come up, or does worse than those of before (then
   *   `details.judged` has the comparison), and those not replaced yet go on; EVENER_CONFIG_INVALID: the options that were
   *   read again; EVENER_NOT_RUNNING
   */
  async reload(request: ReloadRequest = {}): Promise<ReloadReport> {
    this.#runningParts('reload()');
    return this.#reloads.request(request);
  }

  #makeReloader(): Reloader {
    const self = this;
    return new Reloader({
      get isClosing() {
        return self.#isClosing;
      },
      get options() {
        return self.#options;
      },
      get arePoolsOpen() {
        return self.#arePoolsOpen;
      },
      parts: () => this.#runningParts('reload()'),
      reread: () => this.#surroundings.reread(),
      adopt: (options, isBack) => this.#adopt(options, isBack),
      addFleet: (app) => this.#addFleet(this.#parts!, app),
      removeFleet: (name) => this.#removeFleet(this.#parts!, name),
      addPool: (options) => this.#addPool(this.#parts!, options),
      scale: (fleet, workers) => this.#scaleFleet(fleet, workers),
      until: (condition) => this.#changes.until(condition),
      emit: (event) => this.#emit(event),
    });
  }

  #adopt(options: ResolvedOptions, isBack: boolean): void {
    this.#options = options;
    if (!isBack) this.#redactor = redactorFor(options);
    this.#notices.configure(options);
    void this.#registrations.configure(options.register);
    if (this.#files !== null) this.#watchFiles();
  }

  #watchFiles(): void {
    const folders = [...new Set(this.#options.apps.map(({ app }) => app.cwd))];
    if (isDeepStrictEqual(folders, this.#files?.folders)) return;
    this.#files?.close();
    const reload = (path: string): void => {
      this.#emit({ type: 'file-changed', path });
      // A failure is told as an event.
      this.reload({ canary: 'off' }).catch(() => {});
    };
    this.#files = new FileWatch(folders, reload, (reason) => this.#emit({ type: 'watch-failed', reason }));
  }

  /**
   * What a worker is doing: where it blocks, or that its event loop turns. It goes on as before.
   * @param slot from 0
   * @param app may be left out where there is only one
   * @returns null where no worker has that number just now
   * @throws EvenerError EVENER_NOT_RUNNING; EVENER_USAGE when the app has to be named, or is not known
   */
  async why(slot: number, app: string | null = null): Promise<WorkerExplanation | null> {
    return this.#fleetOf(app, 'why()').why(slot);
  }

  /**
   * Replaces one worker by another that is ready first, or fills its place if it was drained.
   * @param slot from 0
   * @param app may be left out where there is only one
   * @throws EvenerError EVENER_RELOAD_FAILED: the new one did not come up, and the old one goes on; EVENER_NOT_RUNNING;
   *   EVENER_USAGE when there is no such place
   */
  async restart(slot: number, app: string | null = null): Promise<void> {
    const { fleet, place } = this.#placeOf(slot, app, 'restart()');
    if (place.current !== null) this.#emit({ type: 'worker-restarting', ...factsOf(place.current) });
    await place.replace(fleet.options.drainLimitMs);
  }

  /**
   * Gives one worker nothing new and lets it end when it has finished. Its place stays empty until it is restarted, or a
   * reload fills it.
   * @throws EvenerError EVENER_USAGE when there is no such place, or nobody else of its app serves; EVENER_NOT_RUNNING
   */
  drain(slot: number, app: string | null = null): void {
    const { fleet, place } = this.#placeOf(slot, app, 'drain()');
    const others = [...fleet.slots.values()].filter((other) => other !== place && other.isReady);
    if (place.isReady && others.length === 0) {
      const message = 'it is the only worker that serves: start another first (evener scale +1), or restart it';
      throw new EvenerError('EVENER_USAGE', message, { slot });
    }
    if (place.current !== null) this.#emit({ type: 'worker-drained', ...factsOf(place.current) });
    place.drain(fleet.options.drainLimitMs);
  }

  #placeOf(slot: number, app: string | null, what: string): { fleet: WorkerFleet; place: WorkerSlot } {
    const fleet = this.#fleetOf(app, what);
    const place = fleet.slots.get(slot);
    if (place !== undefined) return { fleet, place };
    const slots = [...fleet.slots.keys()].sort((a, b) => a - b).join(', ');
    throw new EvenerError('EVENER_USAGE', `no worker has the number ${slot}: there are ${slots}`, { slot });
  }

  /** A machine without room for a folder or a process is told of like any other failed start. */
  #assembleOrFail(): Parts {
    try {
      this.#parts = assemble(this.#surroundings, this.incidents, this.#partsHost());
      return this.#parts;
    } catch (cause) {
      const reason = `cannot start: ${cause instanceof Error ? cause.message : cause}`;
      const error = new EvenerError('EVENER_START_FAILED', reason, { reason }, { cause });
      this.#emit({ type: 'failed', code: error.code, reason });
      this.#closeUnstarted(error);
      throw error;
    }
  }

  #partsHost(): PartsHost {
    const self = this;
    return {
      get isClosing() {
        return self.#isClosing;
      },
      get mayReplace() {
        return self.#phase === 'running' && !self.#reloads.isBusy;
      },
      options: () => this.#options,
      desk: this.#deskHost(),
      emit: (event) => this.#emit(event),
      scale: (app, workers, why) => this.#scaleFleet(this.#parts!.fleets.get(app)!, workers, why),
      threadDied: (thread, cause, restartInMs) => this.#threadDied(thread, cause, restartInMs),
      threadSaid: (thread, message) => this.#threadSaid(thread, message),
      threadSaidOfPool: (thread, message) => this.#threadSaidOfPool(thread, message),
      changed: () => this.#changes.happened(),
    };
  }

  #deskHost(): DeskHost {
    return {
      options: () => this.#options,
      phase: () => (this.#isClosing ? 'stopping' : this.#phase === 'running' ? 'running' : 'starting'),
      fleets: () => this.#fleets,
      pools: () => this.#pools,
      ejections: () => this.#parts?.ejections ?? null,
      subscribe: (listener) => this.subscribe(listener),
      reload: (request) => this.reload(request),
      canaries: () => this.#reloads.canaries,
      scale: (workers, app) => this.scale(workers, app),
      scaleBy: (step, app) => this.scaleBy(step, app),
      restart: ({ app, slot }) => this.restart(slot, app),
      drain: ({ app, slot }) => this.drain(slot, app),
      why: ({ app, slot }) => this.why(slot, app),
      stop: (now) => void (now ? this.kill() : this.close()),
    };
  }

  #closeUnstarted(error: EvenerError | null): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    void this.#sayLast().then(() => this.#resolveClosed(error));
  }

  /** Without its control API it would be one that nobody can steer: then rather not at all. */
  async #openDesk({ desk }: Parts): Promise<void> {
    try {
      checkLogFile(this.#options.accessLog);
      const url = await desk.open();
      if (url !== null) this.#emit({ type: 'admin-listening', url });
    } catch (error) {
      void this.#giveUp('EVENER_START_FAILED', error instanceof Error ? error.message : String(error));
    }
  }

  #addFleet(parts: Parts, app: AppOptions): void {
    const isClosing = (): boolean => this.#isClosing;
    const fleet = new WorkerFleet(app, parts.shared, {
      get isClosing() {
        return isClosing();
      },
      emit: (event) => this.#emit(event),
      nextIncarnation: () => ++this.#lastIncarnation,
      post: (message: FromSupervisor) => parts.threads.post(message),
      missingThreads: () => parts.threads.missing(),
      giveUp: (code, reason) => this.#fleetGivesUp(fleet, code, reason),
      logged: (source, lines) => parts.desk.logBook.write(source, lines),
      changed: () => this.#changes.happened(),
    });
    parts.fleets.set(app.name, fleet);
    fleet.addFirstSlots();
  }

  /** An app that a reload has brought fails with that, and all others go on. */
  #fleetGivesUp(fleet: WorkerFleet, code: EvenerErrorCode, reason: string): void {
    if (code !== 'EVENER_START_FAILED' || this.#phase !== 'running') {
      void this.#giveUp(code, reason);
      return;
    }
    fleet.startFailed(reason);
    this.#changes.happened();
  }

  #addPool({ pools, threads }: Parts, options: ServersOptions): void {
    const setServers = (pool: string, servers: readonly ServerOptions[]): void => {
      threads.post({ type: 'pool-servers', pool, servers });
    };
    const host = { emit: (event: SupervisorEvent) => this.#emit(event), setServers };
    pools.set(options.name, new ServerWatch(options, host, this.#phase === 'running'));
  }

  get #pools(): ServerWatch[] {
    return [...(this.#parts?.pools.values() ?? [])];
  }

  /** Each is reached somewhere. */
  get #arePoolsOpen(): boolean {
    return this.#pools.every((pool) => pool.address !== null);
  }

  get #fleets(): WorkerFleet[] {
    return [...(this.#parts?.fleets.values() ?? [])];
  }

  #live(): WorkerProcess[] {
    return this.#fleets.flatMap((fleet) => [...fleet.live()]);
  }

  get #areFleetsGone(): boolean {
    return this.#fleets.every((fleet) => fleet.isGone);
  }

  /** Of all apps, since they end together. */
  get #drainLimitMs(): number {
    return Math.max(0, ...[...this.#fleets, ...this.#pools].map(({ options }) => options.drainLimitMs));
  }

  #fleetOf(app: string | null, what: string): WorkerFleet {
    this.#runningParts(what);
    const fleets = this.#fleets.filter(({ isLeaving }) => !isLeaving);
    const names = fleets.map(({ options }) => options.name);
    const fleet = app === null && fleets.length === 1 ? fleets[0] : fleets.find(({ options }) => options.name === app);
    if (fleet !== undefined) return fleet;
    const problem = app === null ? 'several apps run' : `no app is called ${JSON.stringify(app)}`;
    throw new EvenerError('EVENER_USAGE', `${problem}: name one of ${names.join(', ')}`, { app, names });
  }

  #threadSaidOfPool(thread: number, message: PoolMessage): void {
    if (message.type === 'endpoint-ejected' || message.type === 'endpoint-returned') {
      this.#parts!.ejections.threadSaid(thread, message);
      return;
    }
    const pool = this.#parts!.pools.get(message.pool);
    pool?.threadSaid(thread, message);
    if (pool?.failure && this.#phase === 'starting') void this.#giveUp('EVENER_START_FAILED', pool.failure);
    this.#changes.happened();
  }

  #threadSaid(thread: number, message: WorkerMessage): void {
    for (const fleet of this.#fleets) if (fleet.has(message.worker)) fleet.threadSaid(thread, message);
  }

  #threadDied(thread: BalancerThread, cause: string, restartInMs: number): void {
    const { threads, ejections } = this.#parts!;
    ejections.threadDied(thread.index);
    for (const fleet of this.#fleets) fleet.threadDied(thread.index);
    for (const pool of this.#pools) pool.threadDied(thread.index);
    this.#emit({ type: 'balancer-died', thread: thread.index, cause, restartInMs });
    if (!threads.hasBeenReady) {
      void this.#giveUp('EVENER_START_FAILED', `the balancer thread ended at its start: ${cause}`);
    } else if (threads.shareDescriptors) {
      void this.#giveUp(
        'EVENER_THREAD_LOST',
        `balancer thread ${thread.index} ended, and with it the ports, which threads share before Node 22.12; ` +
          'start again, use a newer Node, or leave --threads at 1',
      );
    } else if (thread.index === 0 && this.#surroundings.activated.length > 0) {
      // The descriptors are closed, and their addresses cannot be opened anew: whoever passed them has them open.
      void this.#giveUp(
        'EVENER_THREAD_LOST',
        'balancer thread 0 ended, and with it the sockets that the service manager passed; it is to start Evener again',
      );
    } else if (threads.areAllDown && !existsSync(this.#surroundings.balancerScript)) {
      // A deploy has removed them. Without a balancer nothing is served, and a service manager starts what is there now.
      void this.#giveUp(
        'EVENER_THREAD_LOST',
        `balancer thread ${thread.index} ended, and the files of Evener that another would need are gone; start Evener again`,
      );
    }
    this.#changes.happened();
  }

  /** Its workers finish what they have and go. */
  #removeFleet(parts: Parts, name: string): void {
    const fleet = parts.fleets.get(name)!;
    fleet.leave();
    void this.#changes
      .until(() => fleet.isGone)
      .then(() => {
        fleet.close();
        // Its app may have come back in the same turn.
        if (parts.fleets.get(name) === fleet) parts.fleets.delete(name);
      });
  }

  async #drainAndEnd(parts: Parts): Promise<void> {
    const drainLimitMs = this.#drainLimitMs;
    const { threads } = parts;
    this.#beginClosing();
    this.#emit({ type: 'draining', limitMs: drainLimitMs });
    // Those that serve nothing yet have nothing to finish.
    for (const worker of this.#live()) {
      if (!worker.mayServe) worker.dismiss('closing', Math.min(SHORT_NOTICE_MS, drainLimitMs));
    }
    // Others are to know first: what they send from now on would be refused.
    await this.#registrations.close();
    // At the latest then they get SIGTERM, to have some of the time left for their own end.
    const noticeMs = drainTimeOf(drainLimitMs);
    threads.drain(noticeMs);
    await this.#changes.until(() => threads.areDrained || (this.#fleets.length > 0 && this.#areFleetsGone), noticeMs);
    const leftMs = Math.max(0, this.#closingSinceMs + drainLimitMs - performance.now());
    for (const worker of this.#live()) worker.dismiss('closing', leftMs);
    await this.#end(parts, null);
  }

  /** Ends everything because it cannot go on. */
  async #giveUp(code: EvenerErrorCode, reason: string): Promise<void> {
    if (this.#isClosing) return;
    const parts = this.#beginClosing();
    parts.threads.stayDown();
    for (const worker of this.#live()) {
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
    if (this.#preparation !== null) clearTimeout(this.#preparation);
    parts.directoryWatch.close();
    parts.memory.close();
    parts.log.close();
    this.#files?.close();
    parts.shed.close();
    parts.connections.close();
    parts.autoscaler.close();
    for (const pool of this.#pools) pool.close();
    void this.#registrations.close();
    for (const fleet of this.#fleets) fleet.close();
    this.#changes.happened();
    return parts;
  }

  /** The last steps, when all workers have been told to go. */
  async #end({ threads, guard, directory, desk, silentDrains }: Parts, error: EvenerError | null): Promise<void> {
    await this.#changes.until(() => this.#areFleetsGone);
    if (this.#phase === 'closed') return;
    silentDrains.close();
    this.#phase = 'closed';
    await threads.close();
    guard.close();
    if (error === null) this.#emit({ type: 'stopped', tookMs: performance.now() - this.#closingSinceMs });
    else this.#emit({ type: 'failed', code: error.code, reason: error.message });
    desk.close();
    directory.remove();
    await this.#sayLast();
    this.#resolveClosed(error);
  }

  /** Lets the last notices go out, for a moment; not where somebody wants the end at once. */
  async #sayLast(): Promise<void> {
    this.#desk.close();
    await this.#notices.close(this.#isKilled ? 0 : FLUSH_LIMIT_MS);
  }

  get #isClosing(): boolean {
    return this.#phase === 'closing' || this.#phase === 'closed';
  }

  #runningParts(what: string): Parts {
    if (this.#phase === 'running') return this.#parts!;
    throw new EvenerError('EVENER_NOT_RUNNING', `${what} needs a running supervisor`);
  }

  #emit(event: SupervisorEvent): void {
    // Errors and last lines of an app may hold what is nobody's business.
    const told = this.#redactor.data(event, NAMES);
    this.#desk.tell(told);
    for (const listener of this.#listeners) listener(told);
  }
}

function redactorFor({ apps, notify }: ResolvedOptions): Redactor {
  const secrets = notify.flatMap(({ url, key }) => [url.reveal(), key?.reveal() ?? '']);
  return new Redactor([process.env, ...apps.map(({ env }) => env)], secrets);
}
