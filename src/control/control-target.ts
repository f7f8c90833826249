import type { Incident } from '../core/incident.ts';
import type { LogLine } from '../observability/log-book.ts';
import type { HistoryColumns } from '../observability/recent-history.ts';

/**
 * What the control API shows and steers. The supervisor gives it; the API knows nothing else of it. Everything handed
 * out is a copy, and plain data.
 */
export interface ControlTarget {
  status(): Status;
  /** null = it serves; else why it does not. */
  unready(): string | null;
  /** Everything told so far that is still known, oldest first. */
  readonly events: EventSource;
  /** What has gone wrong, oldest first. */
  incidents(): readonly Incident[];
  /** Lines of workers, oldest first. @param worker null = all of them */
  logs(worker: WorkerPlace | null): readonly LogLine[];
  /** Calls back with each line from now on; the answer takes it off again. */
  followLogs(worker: WorkerPlace | null, listener: (line: LogLine) => void): () => void;
  /** The last ten minutes of each app, a sample a second. */
  history(): readonly AppHistory[];
  /** Prometheus text. */
  metrics(): Promise<string>;
  /**
   * Resolves when it is over.
   * @throws EvenerError EVENER_RELOAD_FAILED, with `details.output` and `details.judged` where there is any
   */
  reload(order: ReloadOrder): Promise<{ readonly judged: readonly JudgedWorker[] }>;
  scale(workers: number, app: string | null): void;
  scaleBy(step: number, app: string | null): void;
  /** By {@link WorkerStatus.id}. @throws ApiError 404 where no worker has it */
  find(id: string): WorkerPlace;
  /** Resolves when another one is ready in its place. @throws EvenerError EVENER_RELOAD_FAILED */
  restart(worker: WorkerPlace): Promise<void>;
  /** It gets nothing new, finishes what it has and ends; its place stays empty until it is restarted. */
  drain(worker: WorkerPlace): void;
  /** What it is doing. */
  why(worker: WorkerPlace): Promise<WhyReport>;
  /** Begins to stop; `now`: without finishing what is in flight. */
  stop(now: boolean): void;
}

/** How a reload is to go about it. */
export interface ReloadOrder {
  /** Workers replaced at a time; null = what the options say. */
  readonly parallel: number | null;
  /**
   * The first new worker of each app takes this share of its requests, 0-0.5, for so long, and is judged; null = as the
   * options say. off: it is not tried out.
   */
  readonly canary: { readonly share: number | null; readonly forMs: number | null } | 'off';
}

/** What came of the trial of a new worker. */
export interface JudgedWorker extends WorkerPlace {
  readonly pid: number;
  /** on: it does as well as those of before; back: worse; unjudged: it had too few requests to tell, and none failed. */
  readonly verdict: 'on' | 'back' | 'unjudged';
  readonly reason: string;
  /** 0-0.5. */
  readonly share: number;
  readonly lastedMs: number;
  readonly newcomer: JudgedSide;
  readonly others: JudgedSide;
}

export interface JudgedSide {
  readonly workers: number;
  readonly requests: number;
  readonly failures: number;
  /** Time to the head of a response; null where there was none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** One in ten times its event loop was held up for longer; null where it was not seen. */
  readonly loopDelayMs: number | null;
  /** Share of time in which it was busy, 0-1. */
  readonly utilization: number;
}

export interface AppHistory extends HistoryColumns {
  readonly name: string;
}

/** A numbered place of an app, which one worker fills. */
export interface WorkerPlace {
  readonly app: string;
  readonly slot: number;
}

export interface WhyReport {
  /** For people. */
  readonly text: string;
  /** For programs; null where nothing is known. */
  readonly report: unknown;
}

/** Something that happened. */
export interface RecordedEvent {
  /** Grows from event to event, also over restarts of the instance. */
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  /** As of `evener events`. */
  readonly event: { readonly type: string };
}

/** Events that are kept for a while. */
export interface EventSource {
  /** Those after an id. */
  since(id: number): readonly RecordedEvent[];
  /** Calls back with each event from now on; the answer takes it off again. */
  subscribe(listener: (event: RecordedEvent) => void): () => void;
}

export const WORKER_STATES = [
  'starting',
  'standby',
  'ready',
  'stalled',
  'ejected',
  'draining',
  'stopping',
  'waiting',
  'drained',
] as const;
/**
 * Of a worker's place: standby = booted ahead, gets nothing until one dies; stalled = its event loop does not answer, so it gets nothing new; ejected = it fails
 * requests, so it gets none for a while; waiting = the last one ended, the
 * next is started after a pause; drained = it was drained and stays empty.
 */
export type WorkerStatusState = (typeof WORKER_STATES)[number];

export interface Status {
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  /** `starting`, `running`, `stopping`. */
  readonly state: 'starting' | 'running' | 'stopping';
  /** ISO 8601. */
  readonly startedAt: string;
  /** As of when this is; ISO 8601. Both are by the wall clock, which may have been set meanwhile. */
  readonly time: string;
  /** Seconds, by no clock that can be set. */
  readonly uptime: number;
  /** The config file, or null. */
  readonly config: string | null;
  /** Where the admin listener is reached, or null. */
  readonly admin: string | null;
  readonly threads: number;
  /** Client connections. */
  readonly connections: number;
  readonly apps: readonly AppStatus[];
  readonly workers: readonly WorkerStatus[];
  readonly servers: readonly ServerStatus[];
  /** New workers that are tried out. */
  readonly canaries: readonly CanaryStatus[];
  /** Where servers are found. */
  readonly sources: readonly SourceStatus[];
  /** How many incidents last; see `GET /incidents`. */
  readonly incidents: number;
}

/** A new worker that is tried out. */
export interface CanaryStatus extends WorkerPlace {
  readonly pid: number;
  /** Of the requests, 0-0.5. */
  readonly share: number;
  /** How much longer; null = it is not ready yet. */
  readonly leftMs: number | null;
}

export interface AppStatus {
  readonly name: string;
  /** As the user wrote it; for a pool of servers, their addresses. */
  readonly command: string;
  /** URLs or paths. */
  readonly addresses: readonly string[];
  /** How many there should be, and how many serve. */
  readonly workers: { readonly wanted: number; readonly ready: number };
  /** So far: finished, retried, moved, refused for want of a worker. */
  readonly requests: number;
  readonly retried: number;
  readonly moved: number;
  readonly shed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly inFlight: number;
  readonly queued: number;
  /** Of the last ten seconds. */
  readonly recent: RecentStatus;
}

export interface RecentStatus {
  readonly requestsPerSecond: number;
  /** Answers with a status from 500 on, and those cut short, per second. */
  readonly errorsPerSecond: number;
  /** null when nothing was finished. ms */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

export const SERVER_STATES = ['up', 'unreachable', 'unhealthy', 'stalled', 'ejected'] as const;

/** A server of a pool. */
export interface ServerStatus {
  readonly pool: string;
  /** As in the options, or as it was found. */
  readonly server: string;
  /** The source that it was found by; null where the options name it. */
  readonly source: string | null;
  /**
   * unreachable: no connection can be made; unhealthy: its checks fail; stalled: it answers nothing; ejected: it fails
   * requests. Then it gets no requests.
   */
  readonly state: (typeof SERVER_STATES)[number];
  /** Empty for up. */
  readonly reason: string;
}

/** A place where servers of a pool are found. */
export interface SourceStatus {
  readonly pool: string;
  /** As in the options. */
  readonly source: string;
  /** How many it names. */
  readonly servers: number;
  /** When it last said which there are; ISO 8601, null = never. */
  readonly updatedAt: string | null;
  /** What is wrong with it; empty = nothing. Then what it said last holds. */
  readonly error: string;
}

export interface WorkerStatus {
  /** Of its place: `0`; with several apps `api:0`. While one replaces another, both have it. */
  readonly id: string;
  readonly app: string;
  /** From 0 in its app. */
  readonly slot: number;
  /** null while there is no process. */
  readonly pid: number | null;
  readonly state: WorkerStatusState;
  /** Which start or reload it belongs to. */
  readonly generation: number;
  readonly inFlight: number;
  /** Finished so far. */
  readonly requests: number;
  /** Resident memory in bytes; null where it is not known. */
  readonly memory: number | null;
  readonly eventLoop: {
    /** Longest delay of late, or how long it has been silent. */
    readonly delayMs: number;
    /** Share of late in which it was busy, 0-1. */
    readonly utilization: number;
  };
  /** Times that its place was filled anew: after a death, by a restart or a reload. */
  readonly restarts: number;
  /** Seconds since its start. */
  readonly uptime: number;
}
