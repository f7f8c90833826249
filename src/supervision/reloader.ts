import { CANARY_MS } from '../config/canary.ts';
import type { AppOptions, CanaryTerms, ResolvedOptions, ServersOptions } from '../config/options.ts';
import { EvenerError } from '../core/evener-error.ts';
import type { Parts } from './assembly.ts';
import { Canary, type CanaryReport, tryOutAll } from './canary.ts';
import type { SupervisorEvent } from './events.ts';
import { changesOf } from './reload-plan.ts';
import { ReloadQueue } from './reload-queue.ts';
import { replaceRolling } from './rolling-replacement.ts';
import type { WorkerFleet } from './worker-fleet.ts';
import type { WorkerSlot } from './worker-slot.ts';
import { WorkerState } from './worker-state.ts';

/** How a reload is to go about it. */
export interface ReloadRequest {
  /** Workers replaced at a time; null = what the options say. */
  readonly parallel?: number | null;
  /** How the first new worker of each app is tried out; what is left out is as the options say. `'off'`: it is not. */
  readonly canary?: CanaryRequest;
}

/** Null is as the options say. */
export type CanaryRequest = { readonly share?: number | null; readonly forMs?: number | null } | 'off';

/** What came of a reload that was done. */
export interface ReloadReport {
  /** Of each app whose new version was tried out. */
  readonly judged: readonly CanaryReport[];
}

/** What a reload works on. */
export type ReloadParts = Pick<Parts, 'threads' | 'fleets' | 'pools' | 'log' | 'desk' | 'meters'>;

/** What it asks of the supervisor. */
export interface ReloaderHost {
  readonly isClosing: boolean;
  readonly options: ResolvedOptions;
  /** Every pool of servers is reached somewhere. */
  readonly arePoolsOpen: boolean;
  /** @throws EvenerError EVENER_NOT_RUNNING */
  parts(): ReloadParts;
  /** The options anew. Rejects with what is wrong with them. */
  reread(): Promise<ResolvedOptions>;
  /** These are the options from now on. @param isBack they were so before: what is secret in the others stays so */
  adopt(options: ResolvedOptions, isBack: boolean): void;
  addFleet(app: AppOptions): void;
  removeFleet(name: string): void;
  addPool(options: ServersOptions): void;
  scale(fleet: WorkerFleet, workers: number): void;
  until(condition: () => boolean): Promise<void>;
  emit(event: SupervisorEvent): void;
}

/**
 * Reads the options again, applies what can be applied as it is, and replaces workers, each by one that is ready before it
 * goes: all of the new options or, when a new worker does not come up or does worse, those of before.
 */
export class Reloader {
  readonly #host: ReloaderHost;
  readonly #queue = new ReloadQueue<ReloadRequest, ReloadReport>(
    (request) => this.#reload(request),
    // A trial that somebody wants is not skipped because somebody else does not ask for one.
    (waiting, later) => ({ ...waiting, ...later, canary: stricter(waiting.canary ?? {}, later.canary ?? {}) }),
  );
  #canaries: readonly Canary[] = [];

  constructor(host: ReloaderHost) {
    this.#host = host;
  }

  get isBusy(): boolean {
    return this.#queue.isBusy;
  }

  /** Who is tried out now. */
  get canaries(): readonly Canary[] {
    return this.#canaries;
  }

  /** While one runs a second waits, and a third is the second. @throws EvenerError as `Supervisor.reload` */
  request(request: ReloadRequest): Promise<ReloadReport> {
    return this.#queue.request(request);
  }

  async #reload(request: ReloadRequest): Promise<ReloadReport> {
    const host = this.#host;
    host.parts();
    const startedAtMs = performance.now();
    let judged: readonly CanaryReport[];
    try {
      judged = await this.#applyAndReplace(request);
    } catch (error) {
      const reason = error instanceof EvenerError ? error.message : String(error);
      if (!host.isClosing) host.emit({ type: 'reload-failed', reason });
      throw error;
    }
    // The promise of a reload: when it is over no answer comes from a worker of before.
    await host.until(() => host.isClosing || this.#draining.length === 0);
    if (!host.isClosing) host.emit({ type: 'reload-done', tookMs: performance.now() - startedAtMs });
    return { judged };
  }

  get #draining(): unknown[] {
    return [...this.#host.parts().fleets.values()].flatMap((fleet) => fleet.in(WorkerState.Draining));
  }

  async #applyAndReplace({ parallel = null, canary = {} }: ReloadRequest): Promise<readonly CanaryReport[]> {
    const host = this.#host;
    const before = host.options;
    const parts = host.parts();
    // Whoever renames the log's file and reloads does not have to wait for a look at it.
    parts.threads.post({ type: 'reopen-log' });
    const options = await host.reread();
    host.parts();
    await this.#configureDesk(parts, options);
    const birthsOf = (app: string): Iterable<AppOptions> => parts.fleets.get(app)?.births ?? [];
    const changes = changesOf(before, options, birthsOf, parts.threads.hasTakenBack);
    // One that was taken out a moment ago and is wanted again: messages go to workers by the name of their app, and it has one.
    await host.until(() => host.isClosing || changes.added.every(({ name }) => parts.fleets.get(name)?.isGone ?? true));
    host.parts();
    host.adopt(options, false);
    this.#applyPools(parts, options);
    parts.threads.configure(options);
    parts.log.configure(options.accessLog);
    for (const app of changes.added) host.addFleet(app);
    for (const app of options.apps) parts.fleets.get(app.name)?.configure(app);
    const fleets = options.apps
      .filter(({ name }) => changes.replaced.has(name))
      .map(({ name }) => parts.fleets.get(name)!);
    const { atNextStart } = changes;
    const workers = fleets.reduce((sum, { slots }) => sum + slots.size, 0);
    host.emit({ type: 'reload-started', workers, atNextStart });
    for (const fleet of fleets) fleet.beginGeneration();
    let judged: readonly CanaryReport[];
    try {
      judged = await this.#replace(fleets, parallel, canary);
      const added = changes.added.flatMap(({ name }) => parts.fleets.get(name) ?? []);
      const isOver = (): boolean => host.isClosing || failureOf(parts, added) !== null;
      await host.until(() => isOver() || added.every(({ hasBeenReady }) => hasBeenReady));
      await host.until(() => isOver() || host.arePoolsOpen);
      const reason = failureOf(parts, added);
      if (reason !== null) throw new EvenerError('EVENER_RELOAD_FAILED', reason, { reason });
    } catch (error) {
      if (!host.isClosing) await this.#takeBack(parts, before, changes.added);
      throw error;
    }
    for (const name of changes.rescaled) {
      const fleet = parts.fleets.get(name)!;
      const { min, max } = options.apps.find((app) => app.name === name)!.workers;
      // How many are needed between the two is known.
      host.scale(fleet, Math.min(max, Math.max(min, fleet.active.length)));
    }
    for (const name of changes.removed) host.removeFleet(name);
    return judged;
  }

  async #replace(
    fleets: readonly WorkerFleet[],
    parallel: number | null,
    canary: CanaryRequest,
  ): Promise<readonly CanaryReport[]> {
    const { judged, done } = await this.#tryOut(fleets, canary);
    for (const { slots, options } of fleets) {
      const { drainLimitMs } = options;
      const places = [...slots.values()].filter((slot) => !done.has(slot));
      await replaceRolling(
        places.map((slot) => ({ slot, drainLimitMs })),
        parallel ?? options.parallel,
      );
    }
    return judged;
  }

  /** @returns with the reports the places that are filled anew by then */
  async #tryOut(
    fleets: readonly WorkerFleet[],
    request: CanaryRequest,
  ): Promise<{ judged: readonly CanaryReport[]; done: ReadonlySet<unknown> }> {
    const trials = fleets.flatMap((fleet) => {
      const terms = termsOf(request, fleet.options.canary);
      return terms === null ? [] : [{ fleet, terms }];
    });
    if (trials.length === 0) return { judged: [], done: new Set() };
    const { meters, threads } = this.#host.parts();
    const host = this.#host;
    const canaryHost = {
      get isClosing() {
        return host.isClosing;
      },
      meters,
      threads: threads.linkPaths.length,
      emit: (event: SupervisorEvent) => host.emit(event),
    };
    this.#canaries = trials.map(({ fleet, terms }) => new Canary(fleet, firstOf(fleet), terms, canaryHost));
    try {
      const judged = await tryOutAll(this.#canaries, canaryHost);
      const promoted = this.#canaries.map((canary) => canary.promote(canary.fleet.options.drainLimitMs));
      const done = new Set(await Promise.all(promoted));
      return { judged, done };
    } finally {
      this.#canaries = [];
    }
  }

  async #takeBack(parts: ReloadParts, before: ResolvedOptions, added: readonly AppOptions[]): Promise<void> {
    this.#host.adopt(before, true);
    this.#applyPools(parts, before);
    parts.threads.goBackTo(before);
    parts.log.configure(before.accessLog);
    for (const app of before.apps) parts.fleets.get(app.name)?.configure(app);
    for (const { name } of added) this.#host.removeFleet(name);
    await this.#configureDesk(parts, before).catch(() => {});
  }

  async #configureDesk({ desk }: ReloadParts, options: ResolvedOptions): Promise<void> {
    const url = await desk.configure(options);
    if (url !== null) this.#host.emit({ type: 'admin-listening', url });
  }

  /** The balancer threads do the rest; they have to know first which servers a pool has whose options name none any more. */
  #applyPools({ pools }: ReloadParts, options: ResolvedOptions): void {
    for (const [name, watch] of [...pools]) {
      if (options.pools.some((pool) => pool.name === name)) continue;
      watch.close();
      pools.delete(name);
    }
    for (const pool of options.pools) {
      const known = pools.get(pool.name);
      if (known === undefined) this.#host.addPool(pool);
      else known.configure(pool);
      pools.get(pool.name)!.tellServers();
    }
  }
}

/** Why what a reload has brought cannot be. @param added fleets of apps that are new */
function failureOf({ threads, pools }: ReloadParts, added: readonly WorkerFleet[]): string | null {
  if (threads.hasTakenBack) return 'balancer threads die of the options that it has brought';
  const reasons = [
    ...added.map(({ startFailure }) => startFailure),
    ...[...pools.values()].map((pool) => pool.failure),
  ];
  return reasons.find((reason) => reason !== null) ?? null;
}

/** @param byOptions of an app */
function termsOf(request: CanaryRequest, byOptions: CanaryTerms | null): CanaryTerms | null {
  if (request === 'off') return null;
  const share = request.share ?? byOptions?.share ?? 0;
  return share === 0 ? null : { share, forMs: request.forMs ?? byOptions?.forMs ?? CANARY_MS };
}

/** Of two, that by which more is tried out; the later one where both say how. */
function stricter(waiting: CanaryRequest, later: CanaryRequest): CanaryRequest {
  if (waiting === 'off') return later;
  if (later === 'off') return waiting;
  return (later.share ?? null) === null && (waiting.share ?? null) !== null ? waiting : later;
}

/** The place of a worker that serves, or else any. */
function firstOf({ active }: WorkerFleet): WorkerSlot {
  return active.find((slot) => slot.isReady) ?? active[0]!;
}
