/** What the page reads of the control API's answers. `GET /openapi.json` says all of it. */

export interface Status {
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  readonly state: 'starting' | 'running' | 'stopping';
  readonly startedAt: string;
  readonly time: string;
  /** Seconds. */
  readonly uptime: number;
  readonly connections: number;
  readonly apps: readonly AppStatus[];
  readonly workers: readonly WorkerStatus[];
  readonly servers: readonly ServerStatus[];
  readonly sources: readonly SourceStatus[];
  /** How many incidents last. */
  readonly incidents: number;
}

export interface AppStatus {
  readonly name: string;
  readonly command: string;
  readonly addresses: readonly string[];
  readonly workers: { readonly wanted: number; readonly ready: number };
  readonly requests: number;
  readonly retried: number;
  readonly moved: number;
  readonly shed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly recent: RecentStatus;
}

/** Of the last ten seconds. */
export interface RecentStatus {
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  /** null when nothing was finished. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

/** Of the last ten minutes, a column for each figure; all are of one length, the newest last. */
export interface AppHistory {
  readonly name: string;
  /** Unix time in seconds. */
  readonly times: readonly number[];
  readonly requestsPerSecond: readonly (number | null)[];
  readonly errorsPerSecond: readonly (number | null)[];
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
}

export type WorkerState =
  | 'starting'
  | 'standby'
  | 'ready'
  | 'stalled'
  | 'ejected'
  | 'draining'
  | 'stopping'
  | 'waiting'
  | 'drained';

export interface WorkerStatus {
  /** Of its place; while one worker replaces another both have it. */
  readonly id: string;
  readonly app: string;
  readonly slot: number;
  readonly pid: number | null;
  readonly state: WorkerState;
  readonly generation: number;
  readonly inFlight: number;
  readonly requests: number;
  /** Bytes. */
  readonly memory: number | null;
  readonly eventLoop: { readonly delayMs: number; readonly utilization: number };
  readonly restarts: number;
  /** Seconds. */
  readonly uptime: number;
}

/** A server of a pool. */
export interface ServerStatus {
  readonly pool: string;
  readonly server: string;
  /** What it was found by; null where the options name it. */
  readonly source: string | null;
  readonly state: 'up' | 'unreachable' | 'unhealthy' | 'stalled' | 'ejected';
  /** Empty for up. */
  readonly reason: string;
}

/** A place where servers of a pool are found. */
export interface SourceStatus {
  readonly pool: string;
  readonly source: string;
  /** Empty = nothing is wrong with it. */
  readonly error: string;
}

/** Something that went wrong, from its beginning to its end. */
export interface Incident {
  readonly id: string;
  readonly openedAt: string;
  /** null while it lasts. */
  readonly closedAt: string | null;
  readonly kind: string;
  readonly severity: 'info' | 'warning' | 'error' | 'critical';
  /** null where it is about the whole instance. */
  readonly app: string | null;
  /** The worker's place in its app. */
  readonly worker: number | null;
  readonly cause: string;
  /** What Evener does about it. */
  readonly decision: string;
  /** How it ended. */
  readonly recovery: string | null;
  readonly count: number;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface RecordedEvent {
  readonly id: number;
  readonly time: string;
  readonly event: { readonly type: string };
}

export interface LogLine {
  readonly app: string;
  readonly slot: number;
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
  readonly time: string;
  readonly text: string;
}

export interface WhyReport {
  readonly text: string;
  readonly report: unknown;
}
