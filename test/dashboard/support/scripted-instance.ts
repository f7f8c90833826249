import { Admission } from '../../../src/control/admission.ts';
import { ApiError } from '../../../src/control/api-error.ts';
import { ControlServer } from '../../../src/control/control-server.ts';
import type {
  AppHistory,
  ControlTarget,
  JudgedWorker,
  ServerStatus,
  Status,
  WhyReport,
  WorkerPlace,
  WorkerStatus,
} from '../../../src/control/control-target.ts';
import type { Incident, IncidentKind } from '../../../src/core/incident.ts';
import { XorShift } from '../../../src/core/rng.ts';
import { dashboardPages } from '../../../src/dashboard/pages.ts';
import { EventRing } from '../../../src/observability/event-ring.ts';
import type { IncidentReport } from '../../../src/observability/incident.ts';
import { IncidentRing } from '../../../src/observability/incident-ring.ts';
import type { LogLine } from '../../../src/observability/log-book.ts';
import { RecentHistory } from '../../../src/observability/recent-history.ts';

const VERSION = '0.1.0';
const MEGABYTE = 1_000_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * An instance that has no processes: what it shows is what a test gave it, behind the real control server. For what cannot
 * be had from a real one at will: 32 workers, evidence that means harm, a connection that breaks.
 */
export class ScriptedInstance implements ControlTarget {
  readonly events: EventRing<{ readonly type: string }> = new EventRing(1000);
  readonly workers: Mutable<WorkerStatus>[] = [];
  readonly ring: IncidentRing = new IncidentRing();
  readonly servers: ServerStatus[] = [];
  readonly lines: LogLine[] = [];
  /** What was asked of it: `restart 3`. */
  readonly asked: string[] = [];
  state: Status['state'] = 'running';
  startedAt: string = new Date(Date.now() - 93_784_000).toISOString();
  explanation: WhyReport = { text: 'worker 0 (pid 4000) is not blocked', report: null };
  load = 1;
  readonly #apps: readonly string[];
  readonly #rng = new XorShift(7);
  #tick = 0;
  #server: ControlServer | null = null;

  constructor({ workers, apps = ['shop'] }: { readonly workers: number; readonly apps?: readonly string[] }) {
    this.#apps = apps;
    for (const app of apps) {
      for (let slot = 0; slot < workers; slot++) this.workers.push(this.#workerOf(app, slot));
    }
  }

  /** @param port 0 = any free one @param token null = none is set @returns the URL of the dashboard */
  async listen(port: number = 0, token: string | null = null): Promise<string> {
    this.#server = new ControlServer({
      target: this,
      version: VERSION,
      admission: new Admission({ token: token ?? 'made-up-at-the-start', isTokenRequired: token !== null }),
      pages: dashboardPages(),
      dashboardLink: null,
    });
    return `http://127.0.0.1:${await this.#server.listenAt('127.0.0.1', port)}/`;
  }

  close(): void {
    this.#server?.close();
  }

  /** An incident, and an event that says so. */
  incident(kind: IncidentKind, facts: Partial<IncidentReport>): Incident {
    const { app = 'shop', worker = null, evidence = {} } = facts;
    this.events.push({ type: kind, app, slot: worker, ...evidence } as { readonly type: string });
    return this.ring.report({
      ...{ kind, severity: 'error', dedupKey: `${kind}:${app}/${worker}`, app, worker, evidence },
      ...{ cause: 'something happened', decision: 'something is done', ...facts },
    });
  }

  status(): Status {
    this.#tick++;
    for (const worker of this.workers) this.#live(worker);
    return {
      name: 'shop',
      pid: 3999,
      version: VERSION,
      state: this.state,
      startedAt: this.startedAt,
      time: new Date().toISOString(),
      uptime: (Date.now() - Date.parse(this.startedAt)) / 1000,
      config: null,
      admin: null,
      threads: 1,
      connections: 214,
      apps: this.#apps.map((app) => this.#appStatus(app)),
      workers: this.workers.map((worker) => ({ ...worker })),
      servers: this.servers,
      canaries: [],
      sources: [],
      incidents: this.ring.open().length,
    };
  }

  unready(): null {
    return null;
  }

  incidents(): readonly Incident[] {
    return this.ring.list();
  }

  logs(worker: WorkerPlace | null): readonly LogLine[] {
    return this.lines.filter(({ slot }) => worker === null || slot === worker.slot);
  }

  followLogs(): () => void {
    return () => {};
  }

  history(): readonly AppHistory[] {
    const history = new RecentHistory();
    for (let i = 600; i > 0; i--) history.add(Date.now() / 1000 - i, this.#recent(i));
    return this.#apps.map((name) => ({ name, ...history.read() }));
  }

  async metrics(): Promise<string> {
    return '';
  }

  async reload(): Promise<{ readonly judged: readonly JudgedWorker[] }> {
    this.asked.push('reload');
    return { judged: [] };
  }

  scale(): void {
    throw new Error('not asked for by the dashboard');
  }

  scaleBy(step: number, app: string | null): void {
    this.asked.push(`scale ${app} ${step}`);
    if (step > 0) this.workers.push(this.#workerOf(app!, this.workers.length));
    else this.workers.pop();
  }

  find(id: string): WorkerPlace {
    const worker = this.workers.find((one) => one.id === id);
    if (worker === undefined) throw new ApiError('NOT_FOUND', `no worker has the id ${id}`);
    return worker;
  }

  async restart(worker: WorkerPlace): Promise<void> {
    this.asked.push(`restart ${worker.slot}`);
  }

  drain(worker: WorkerPlace): void {
    this.asked.push(`drain ${worker.slot}`);
  }

  async why(): Promise<WhyReport> {
    return this.explanation;
  }

  stop(): void {
    this.asked.push('stop');
    this.state = 'stopping';
  }

  #workerOf(app: string, slot: number): Mutable<WorkerStatus> {
    return {
      id: this.#apps.length > 1 ? `${app}:${slot}` : String(slot),
      app,
      slot,
      pid: 4000 + this.workers.length,
      state: 'ready',
      generation: 1,
      inFlight: 0,
      requests: 0,
      memory: 84 * MEGABYTE + slot * MEGABYTE,
      eventLoop: { delayMs: 2, utilization: 0.4 },
      restarts: slot % 7 === 3 ? 1 : 0,
      uptime: 93_000 - slot * 40,
    };
  }

  #live(worker: Mutable<WorkerStatus>): void {
    if (worker.state === 'stalled') {
      worker.eventLoop = { delayMs: worker.eventLoop.delayMs + 1000, utilization: 1 };
      return;
    }
    if (worker.state !== 'ready') return;
    worker.inFlight = this.#rng.below(6);
    worker.requests += 90 + this.#rng.below(60);
    worker.memory! += this.#rng.below(400_000) - 150_000;
    worker.eventLoop = { delayMs: 1 + this.#rng.below(9), utilization: 0.25 + this.#rng.below(40) / 100 };
  }

  #appStatus(app: string): Status['apps'][number] {
    const own = this.workers.filter((worker) => worker.app === app);
    return {
      name: app,
      command: app === 'shop' ? 'server.js' : `${app}.js`,
      addresses: ['http://localhost:3000'],
      workers: {
        wanted: own.length + this.servers.length,
        ready: [...own, ...this.servers].filter(({ state }) => state === 'ready' || state === 'up').length,
      },
      requests: 48_210_332 + this.#tick * 1200,
      retried: 12,
      moved: 31,
      shed: 0,
      bytesIn: 9_120_000_000,
      bytesOut: 212_400_000_000,
      inFlight: own.reduce((sum, { inFlight }) => sum + inFlight, 0),
      queued: 0,
      recent: this.#recent(-this.#tick),
    };
  }

  /** @param secondsAgo a day's swing, and a dip where it was reloaded */
  #recent(secondsAgo: number): Status['apps'][number]['recent'] {
    const wave = 1 + 0.12 * Math.sin(secondsAgo / 47) + 0.05 * Math.sin(secondsAgo / 9) + this.#rng.below(40) / 1000;
    const trouble = secondsAgo > 120 && secondsAgo < 150 ? 1 : 0;
    return {
      requestsPerSecond: Math.round(1180 * wave * this.load),
      errorsPerSecond: trouble === 1 ? 18 + this.#rng.below(20) : 0,
      p50Ms: 1.9 * wave + this.#rng.below(10) / 50,
      p95Ms: 7.2 * wave + this.#rng.below(20) / 10 + trouble * 22,
      p99Ms: 13.5 * wave + this.#rng.below(40) / 10 + trouble * 41,
    };
  }
}
