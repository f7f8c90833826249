import { tmpdir } from 'node:os';
import type { ResolvedOptions } from '../config/options.ts';
import { ApiError } from '../control/api-error.ts';
import type {
  AppHistory,
  ControlTarget,
  JudgedWorker,
  ReloadOrder,
  Status,
  WhyReport,
  WorkerPlace,
} from '../control/control-target.ts';
import { writeCard } from '../control/instance.ts';
import { EvenerError } from '../core/evener-error.ts';
import type { Incident } from '../core/incident.ts';
import { type AppMetric, mergeAppMetrics, readAppMetrics, writeAppMetrics } from '../observability/app-metrics.ts';
import { EventRing } from '../observability/event-ring.ts';
import type { IncidentRing } from '../observability/incident-ring.ts';
import { LogBook, type LogLine } from '../observability/log-book.ts';
import type { Meters } from '../observability/meters.ts';
import { PrometheusText } from '../observability/prometheus-text.ts';
import { RecentHistory } from '../observability/recent-history.ts';
import { RecentRates } from '../observability/recent-rates.ts';
import { AppMetricsQuestions } from './app-metrics-questions.ts';
import type { BalancerThreads } from './balancer-threads.ts';
import type { Canary } from './canary.ts';
import type { ControlListeners } from './control-listeners.ts';
import type { Ejections } from './ejections.ts';
import type { SupervisorEvent, SupervisorListener } from './events.ts';
import { explanationText } from './hang-text.ts';
import type { WorkerExplanation } from './hung-workers.ts';
import { writeInstanceMetrics } from './instance-metrics.ts';
import {
  appStatusOf,
  poolStatusOf,
  type StatusSources,
  serverStatusesOf,
  sourceStatusesOf,
  withEjectedServers,
  withEjectedWorkers,
  workerStatusesOf,
} from './instance-status.ts';
import type { MemoryWatch } from './memory-watch.ts';
import { RestartCounts } from './restart-counts.ts';
import type { ServerWatch } from './server-watch.ts';
import type { WorkerFleet } from './worker-fleet.ts';
import { WorkerState } from './worker-state.ts';

const KEPT_EVENTS = 1_000;
const SAMPLE_MS = 1_000;
/** Lines of a worker that did not come up, for whoever asked for it. */
const SHOWN_LINES = 40;

/** What the desk has at hand. */
export interface DeskParts {
  /** The runtime directory. */
  readonly directory: string;
  readonly version: string;
  readonly meters: Meters;
  readonly memory: MemoryWatch;
  readonly incidents: IncidentRing;
  readonly threads: BalancerThreads;
}

/** What it asks of the supervisor. */
export interface DeskHost {
  options(): ResolvedOptions;
  phase(): Status['state'];
  fleets(): readonly WorkerFleet[];
  /** Of servers. */
  pools(): readonly ServerWatch[];
  /** Who is out for failing requests; null before the start. */
  ejections(): Ejections | null;
  subscribe(listener: SupervisorListener): () => void;
  reload(order: ReloadOrder): Promise<{ readonly judged: readonly JudgedWorker[] }>;
  /** New workers that are tried out. */
  canaries(): readonly Canary[];
  scale(workers: number, app: string | null): void;
  scaleBy(step: number, app: string | null): void;
  restart(worker: WorkerPlace): Promise<void>;
  drain(worker: WorkerPlace): void;
  why(worker: WorkerPlace): Promise<WorkerExplanation | null>;
  stop(now: boolean): void;
}

/** The supervisor as the control API sees it: its memory of what happened, and its two listeners. */
export class ControlDesk implements ControlTarget {
  readonly events: EventRing<SupervisorEvent> = new EventRing<SupervisorEvent>(KEPT_EVENTS);
  /** Output of the workers. */
  readonly logBook: LogBook = new LogBook();
  readonly appMetrics: AppMetricsQuestions;
  readonly #parts: DeskParts;
  readonly #host: DeskHost;
  readonly #restarts = new RestartCounts();
  readonly #rates = new Map<string, RecentRates>();
  readonly #histories = new Map<string, RecentHistory>();
  readonly #startedAt = new Date();
  readonly #startedAtMs: number = performance.now();
  /** Those of {@link open}, once they have been loaded. */
  #listeners: ControlListeners | null = null;
  #opening: Promise<string | null> = Promise.resolve(null);
  #isClosed = false;
  readonly #sampler: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #balancerRestarts = 0;
  #threadUtilization: readonly number[] = [];

  constructor(parts: DeskParts, host: DeskHost) {
    this.#parts = parts;
    this.#host = host;
    this.appMetrics = new AppMetricsQuestions((question, workers) => {
      parts.threads.postToOne({ type: 'ask-metrics', question, workers });
    });
    this.#unsubscribe = host.subscribe((event) => this.#remember(event));
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#sampler.unref();
  }

  /**
   * Opens the control socket, and the admin listener where there is to be one. What they need is loaded while the workers
   * start, not before.
   * @returns the URL of the latter, or null
   * @throws Error that tells which could not be opened
   */
  open(): Promise<string | null> {
    this.#opening = this.#open();
    return this.#opening;
  }

  /** The runtime directory was made anew. Nobody waits for it: what fails is found missing again. */
  reopen(): void {
    try {
      this.#writeCard();
    } catch {
      return;
    }
    void this.#listeners?.reopen(this.#parts.directory).catch(() => {});
  }

  #writeCard(): void {
    const { name } = this.#host.options();
    const startedAt = this.#startedAt.toISOString();
    const { pid } = process;
    writeCard(this.#parts.directory, { name, pid, folder: process.cwd(), startedAt, temporary: tmpdir() });
  }

  async #open(): Promise<string | null> {
    const { directory } = this.#parts;
    const { admin } = this.#host.options();
    this.#writeCard();
    const { ControlListeners } = await import('./control-listeners.ts');
    if (this.#isClosed) return null;
    this.#listeners = new ControlListeners(this, this.#parts.version);
    await this.#listeners.open(directory, admin);
    return this.#listeners.adminUrl;
  }

  /**
   * The options have been read again.
   * @returns the admin listener's address where it is another than before, else null
   * @throws EvenerError EVENER_RELOAD_FAILED when it cannot be where they say
   */
  async configure({ admin }: ResolvedOptions): Promise<string | null> {
    // That it fails is told to whoever opens it.
    await this.#opening.catch(() => {});
    const before = this.#listeners?.adminUrl ?? null;
    try {
      await this.#listeners?.configure(admin);
      const now = this.#listeners?.adminUrl ?? null;
      return now === before ? null : now;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EvenerError('EVENER_RELOAD_FAILED', reason, { reason }, { cause });
    }
  }

  close(): void {
    clearInterval(this.#sampler);
    this.#unsubscribe();
    this.#isClosed = true;
    this.#listeners?.close();
  }

  // ControlTarget.

  status(): Status {
    const { name, file } = this.#host.options();
    const fleets = this.#host.fleets();
    const sources = this.#sources;
    const ejections = this.#host.ejections();
    const workers = withEjectedWorkers(
      fleets.flatMap((fleet) => workerStatusesOf(fleet, sources, fleets.length > 1)),
      ejections,
    );
    return {
      name,
      pid: process.pid,
      version: this.#parts.version,
      state: this.#host.phase(),
      startedAt: this.#startedAt.toISOString(),
      time: new Date().toISOString(),
      uptime: Math.round((performance.now() - this.#startedAtMs) / 100) / 10,
      config: file,
      admin: this.#listeners?.adminUrl ?? null,
      threads: this.#parts.threads.linkPaths.length,
      connections: this.#parts.meters.readThreads().clients,
      apps: [
        ...fleets.map((fleet) => appStatusOf(fleet, workers, sources)),
        ...this.#host.pools().map((pool) => poolStatusOf(pool, sources)),
      ],
      workers,
      servers: withEjectedServers(this.#host.pools().flatMap(serverStatusesOf), ejections),
      canaries: this.#host.canaries().flatMap(({ status }) => status ?? []),
      sources: this.#host.pools().flatMap(sourceStatusesOf),
      incidents: this.#parts.incidents.open().length,
    };
  }

  unready(): string | null {
    const phase = this.#host.phase();
    if (phase !== 'running') return `it is ${phase}`;
    const { meters } = this.#parts;
    const idle = this.#host.fleets().filter((fleet) => {
      // What a reload takes out, or is still about to bring, does not keep the rest from being asked.
      if (fleet.isLeaving || !fleet.hasBeenReady) return false;
      return !fleet.in(WorkerState.Ready).some(({ incarnation }) => !meters.readWorker(incarnation).isStalled);
    });
    const down = this.#host.pools().filter(({ isDown }) => isDown);
    if (down.length > 0) return `no server is up of ${down.map(({ options }) => options.name).join(', ')}`;
    return idle.length === 0 ? null : `no worker serves ${idle.map((fleet) => fleet.options.name).join(', ')}`;
  }

  incidents(): readonly Incident[] {
    return this.#parts.incidents.list();
  }

  logs(worker: WorkerPlace | null): readonly LogLine[] {
    return this.logBook.lines(worker);
  }

  followLogs(worker: WorkerPlace | null, listener: (line: LogLine) => void): () => void {
    return this.logBook.follow(worker, listener);
  }

  history(): readonly AppHistory[] {
    return [...this.#host.fleets(), ...this.#host.pools()].flatMap(({ options: { name } }) => {
      const history = this.#histories.get(name);
      return history === undefined ? [] : [{ name, ...history.read() }];
    });
  }

  async metrics(): Promise<string> {
    const fleets = this.#host.fleets();
    const apps = await this.#askApps(fleets);
    const out = new PrometheusText();
    writeInstanceMetrics(out, this.status(), this.#parts.meters, {
      restarts: this.#restarts.read(fleets.map(({ options }) => options.name)),
      balancerRestarts: this.#balancerRestarts,
      ejections: this.#host.ejections()?.counts() ?? [],
      incidents: this.#parts.incidents.totals(),
      threadUtilization: this.#threadUtilization,
    });
    for (const { app, missing } of apps) out.add('evener_app_metrics_missing_workers', { app }, missing);
    writeAppMetrics(
      out,
      apps.map(({ app, metrics }) => ({ app, metrics: mergeAppMetrics(metrics) })),
    );
    return out.toString();
  }

  /** What each app has counted itself, of its workers that answer: one that is stalled is not waited for. */
  async #askApps(
    fleets: readonly WorkerFleet[],
  ): Promise<{ readonly app: string; readonly metrics: AppMetric[][]; readonly missing: number }[]> {
    const all = fleets.map((fleet) => {
      const workers = [...fleet.in(WorkerState.Ready), ...fleet.in(WorkerState.Draining)];
      return { app: fleet.options.name, workers: workers.map(({ incarnation }) => incarnation) };
    });
    const { meters } = this.#parts;
    const answering = all.flatMap(({ workers }) => workers.filter((worker) => !meters.readWorker(worker).isStalled));
    const answers = await this.appMetrics.ask(answering);
    return all.map(({ app, workers }) => {
      const read = workers.map((worker) => {
        const json = answers.get(worker);
        return json === '' ? [] : json === undefined ? null : readAppMetrics(json);
      });
      const metrics = read.filter((one) => one !== null);
      return { app, metrics, missing: read.length - metrics.length };
    });
  }

  async reload(order: ReloadOrder): Promise<{ readonly judged: readonly JudgedWorker[] }> {
    const { canary } = order;
    const hasTime = canary !== 'off' && canary.share === null && canary.forMs !== null;
    if (hasTime && this.#host.options().apps.every((app) => app.canary === null)) {
      const message = 'for: it says how long a new worker is tried out, and needs canary, here or in the config';
      throw new ApiError('BAD_REQUEST', message);
    }
    return this.#withOutput(() => this.#host.reload(order));
  }

  scale(workers: number, app: string | null): void {
    this.#needsApp();
    this.#host.scale(workers, app);
  }

  scaleBy(step: number, app: string | null): void {
    this.#needsApp();
    this.#host.scaleBy(step, app);
  }

  #needsApp(): void {
    if (this.#host.options().apps.length > 0) return;
    throw new ApiError('BAD_REQUEST', 'only servers are balanced here, and no app runs that has workers');
  }

  /** `0`, `api:0`; a bare number where there is one app. */
  find(id: string): WorkerPlace {
    const fleets = this.#host.fleets();
    const at = id.lastIndexOf(':');
    const app = at === -1 ? (fleets.length === 1 ? fleets[0]!.options.name : '') : id.slice(0, at);
    const digits = id.slice(at + 1);
    const slot = /^\d{1,4}$/.test(digits) ? Number(digits) : -1;
    if (fleets.some((fleet) => fleet.options.name === app && fleet.slots.has(slot))) return { app, slot };
    const ids = fleets.flatMap((fleet) => {
      const slots = [...fleet.slots.keys()].sort((a, b) => a - b);
      return slots.map((one) => (fleets.length > 1 ? `${fleet.options.name}:${one}` : String(one)));
    });
    const known = ids.length === 0 ? 'there is none' : `there are ${ids.join(', ')}`;
    throw new ApiError('NOT_FOUND', `no worker has the id ${JSON.stringify(id)}: ${known}`);
  }

  async restart(worker: WorkerPlace): Promise<void> {
    await this.#withOutput(() => this.#host.restart(worker));
  }

  drain(worker: WorkerPlace): void {
    try {
      this.#host.drain(worker);
    } catch (error) {
      if (error instanceof EvenerError && error.code === 'EVENER_USAGE') throw new ApiError('CONFLICT', error.message);
      throw error;
    }
  }

  async why(worker: WorkerPlace): Promise<WhyReport> {
    const report = await this.#host.why(worker);
    if (report === null) throw new ApiError('CONFLICT', 'its place is empty just now: there is nobody to ask');
    return { text: explanationText(report, process.cwd()).join('\n    '), report };
  }

  stop(now: boolean): void {
    this.#host.stop(now);
  }

  get #sources(): StatusSources {
    const { meters, memory, threads } = this.#parts;
    return { meters, memory, rates: this.#rates, lost: threads.lostAddresses };
  }

  #remember(event: SupervisorEvent): void {
    this.events.push(event);
    this.#restarts.see(event);
    if (event.type === 'balancer-died') this.#balancerRestarts++;
    if (event.type === 'worker-ready') void this.#parts.memory.look();
  }

  #sample(): void {
    const nowMs = performance.now();
    this.#threadUtilization = this.#parts.threads.utilization();
    for (const { options } of [...this.#host.fleets(), ...this.#host.pools()]) {
      const { name } = options;
      let rates = this.#rates.get(name);
      if (rates === undefined) {
        rates = new RecentRates();
        this.#rates.set(name, rates);
        this.#histories.set(name, new RecentHistory());
      }
      const reading = this.#parts.meters.readPool(name);
      this.#histories.get(name)!.add(Math.round(Date.now() / 100) / 10, rates.facts(reading, nowMs));
      rates.sample(reading, nowMs);
    }
  }

  /** A worker that does not come up is told of with what it wrote. */
  async #withOutput<T>(act: () => Promise<T>): Promise<T> {
    const failed: { app: string; slot: number; pid: number }[] = [];
    const unsubscribe = this.#host.subscribe((event) => {
      if (event.type === 'worker-boot-failed') failed.push(event);
    });
    try {
      return await act();
    } catch (error) {
      const worker = failed.at(-1);
      if (!(error instanceof EvenerError) || error.code !== 'EVENER_RELOAD_FAILED' || worker === undefined) throw error;
      const lines = this.logBook.lines(worker).filter(({ pid }) => pid === worker.pid);
      const output = lines.slice(-SHOWN_LINES).map(({ text }) => text);
      throw new EvenerError(error.code, error.message, { ...error.details, output }, { cause: error });
    } finally {
      unsubscribe();
    }
  }
}
