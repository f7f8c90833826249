/**
 * What the supervisor (main thread) and a balancer thread say to each other over `postMessage`.
 *
 * The two never import each other; these messages are their whole acquaintance. Every message is a plain object with a
 * `type`; both ends run what they receive through {@link isFromSupervisor} or {@link isFromBalancer} and drop, with an
 * assertion, what is not of this table.
 */

import type { AccessLogOptions, ListenAddress } from '../config/options.ts';
import type { OutlierRules } from '../config/outlier.ts';
import type { KeySource, Sticky } from '../config/sticky.ts';
import type { ServerOptions, UpstreamOptions } from '../config/upstream.ts';
import type { ActivatedSocket } from '../core/activated-socket.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';

/** Raised whenever a message changes shape. Both ends refuse to start when theirs differ. */
export const CHANNEL_VERSION = 9;

/** The first message to a balancer thread: what it is born with. */
export interface BalancerBirth {
  readonly version: number;
  /** Index of this thread, from 0. */
  readonly thread: number;
  /** Number of balancer threads. */
  readonly threads: number;
  /** Unix socket on which this thread's workers dial in. */
  readonly linkPath: string;
  readonly settings: BalancerSettings;
  /** Listening sockets that a service manager has opened for us. Thread 0 accepts on them, for all. */
  readonly activated: readonly ActivatedSocket[];
  /** By key, the ports that threads have opened so far: another process may have taken one since. */
  readonly opened: ReadonlyMap<string, OpenedPort>;
  /** Shared memory with a section for each thread: `observability/shared-memory`. */
  readonly meter: SharedArrayBuffer;
  /** Which endpoint has which session of Socket.IO; all threads write and read it. */
  readonly sessions: SharedArrayBuffer;
  /** What sticky cookies are signed with, where the options name nothing, and keys of TLS tickets are derived from. */
  readonly secret: string;
}

/** The part of the resolved options that the balancer uses. */
export interface BalancerSettings {
  /** One for each app and each pool of servers. */
  readonly pools: readonly PoolSettings[];
  /** null = requests are not logged. */
  readonly accessLog: AccessLogSettings | null;
  /** Client connections in all threads together. */
  readonly maxConnections: number;
  /** That is what descriptors allow, and nobody's wish. */
  readonly isMaxOfDescriptors: boolean;
  /** The same of one address; 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
}

export type AccessLogSettings = AccessLogOptions;

/** What the balancer has to know of one pool. All durations in ms, 0 = off. */
export interface PoolSettings {
  /** Of the app or pool; unique. */
  readonly name: string;
  /** Which requests of its port it gets; empty = all. */
  readonly routes: readonly RouteSettings[];
  /** Replaces the port of the app's first listen; null = the app decides. */
  readonly port: number | null;
  readonly policy: string;
  /** Ranges of proxies in front of us whose word on the client counts. */
  readonly trustedProxies: readonly string[];
  /** What policies go by that ask for a key. */
  readonly hashKey: KeySource;
  readonly hashBound: number;
  readonly firstRoom: number;
  readonly slowStartMs: number;
  /** Requests that a worker or server gets at a time, of all threads together. 0 = no limit. */
  readonly maxConcurrency: number;
  /** When one is taken out for failing requests; null = never. */
  readonly outlier: OutlierRules | null;
  /** Where this balancer stands; empty = zones do not matter. */
  readonly zone: string;
  readonly sticky: Sticky;
  /** Requests that may wait for a worker. */
  readonly queueLimit: number;
  readonly queueTimeoutMs: number;
  /** null = the app's own `headersTimeout`. */
  readonly headerTimeoutMs: number | null;
  /** Longest silence of a client that sends a body. null = none for a Node app, which has its `requestTimeout`, else a minute. */
  readonly bodyTimeoutMs: number | null;
  /** Longest rest of a client's connection between two requests. null = the app's own `keepAliveTimeout`. */
  readonly keepAliveTimeoutMs: number | null;
  /** Longest wait for the head of the response. */
  readonly responseTimeoutMs: number;
  /** When a safe request at a worker that does not answer is run elsewhere as well. */
  readonly hedgeMs: number;
  /** Whether clients are told how busy it is. */
  readonly reportLoad: 'off' | 'asked' | 'always';
  /** null = its endpoints are workers. */
  readonly servers: ServersSettings | null;
  /** Shared memory with a section for each thread: `observability/shared-memory`. */
  readonly meter: SharedArrayBuffer;
}

/** Servers of a pool, and where it is reached. */
export interface ServersSettings {
  /** Those that the options name. */
  readonly servers: readonly ServerOptions[];
  /** Others are found: what `pool-servers` said last holds then. */
  readonly areFound: boolean;
  readonly listen: ListenAddress;
  readonly upstream: UpstreamOptions;
}

export interface RouteSettings {
  /** Lower case; null = any. `*.` at the start stands for one or more labels. */
  readonly host: string | null;
  /** Prefix by whole segments, without a slash at its end; empty = all. */
  readonly path: string;
}

/** One incarnation of a worker: a slot's process between fork and exit. Unique within the supervisor's life. */
export type Incarnation = number;

export type FromSupervisor =
  /** A worker of this pool will dial in and show this token. `isHeld`: it gets no requests before it is admitted. */
  | {
      readonly type: 'expect-worker';
      readonly worker: Incarnation;
      readonly pool: string;
      readonly slot: number;
      readonly token: string;
      readonly isHeld: boolean;
      /** Shared memory with a section for each thread: `observability/shared-memory`. */
      readonly meter: SharedArrayBuffer;
    }
  /** A worker that is no Node under our preload accepts connections there: it may get requests, unless it is held. */
  | {
      readonly type: 'serve-worker';
      readonly worker: Incarnation;
      readonly pool: string;
      readonly slot: number;
      /** `http://127.0.0.1:<port>` or `unix:<path>`. */
      readonly url: string;
      readonly isHeld: boolean;
      readonly meter: SharedArrayBuffer;
      /** Where clients reach its app. */
      readonly host: string | null;
      readonly port: number;
      /** Asked for again and again: one that does not answer hangs. null = it is not asked. */
      readonly healthPath: string | null;
    }
  /** One that was held may get requests from now on. */
  | { readonly type: 'admit-worker'; readonly worker: Incarnation }
  /** Does it answer GET for this path? Answer `worker-checked`; it need not be admitted. */
  | {
      readonly type: 'check-worker';
      readonly worker: Incarnation;
      /** Echoed. */
      readonly check: number;
      readonly path: string;
    }
  /** Its process has exited; drop the link if it is still there, accept the token no longer. */
  | { readonly type: 'forget-worker'; readonly worker: Incarnation }
  /** Give it no new request; answer `worker-drained` once nothing is in flight. */
  | { readonly type: 'drain-worker'; readonly worker: Incarnation; readonly withinMs: number }
  /** A worker of this pool is tried out: it takes a slice of the requests, and is compared with others. null = it is over. */
  | { readonly type: 'trial'; readonly pool: string; readonly trial: TrialSettings | null }
  /** What is it doing? Answer `worker-described`, within 300 ms also where it does not answer itself. */
  | { readonly type: 'describe-worker'; readonly worker: Incarnation; readonly question: number }
  /** No worker can be had for now (crash loop): answer 503 with this Retry-After instead of queueing. null = over. */
  | { readonly type: 'unavailable'; readonly pool: string; readonly retryAfterSeconds: number | null }
  /** Requests of this pool, by fingerprint, that workers have died or hung with: all that are suspected or refused now. */
  | {
      readonly type: 'quarantine';
      readonly pool: string;
      /** Tell `request-acquitted` when one of them is answered. */
      readonly suspects: readonly string[];
      /** Answer them with 503. */
      readonly refused: readonly string[];
    }
  /** The options have been read again: what has changed is applied to what is there. */
  | { readonly type: 'configure'; readonly settings: BalancerSettings }
  /** All servers of a pool, named and found: those that stay keep their connections, those that are gone finish. */
  | { readonly type: 'pool-servers'; readonly pool: string; readonly servers: readonly ServerOptions[] }
  /** What has the app in these workers counted itself? Answer `app-metrics` for each that answers. */
  | { readonly type: 'ask-metrics'; readonly question: number; readonly workers: readonly Incarnation[] }
  /** The file of the access log may have been renamed: open it anew. */
  | { readonly type: 'reopen-log' }
  /** The socket at which workers dial in may have been removed: open it anew if so. */
  | { readonly type: 'reopen-link' }
  /** So many bytes of `log-lines` are out. */
  | { readonly type: 'log-written'; readonly bytes: number }
  /** Stop accepting, let what is in flight finish, then answer `drained`. */
  | { readonly type: 'drain'; readonly withinMs: number }
  /** Close everything now. */
  | { readonly type: 'close' }
  /** Thread 0 has opened a port: the others accept there, too. */
  | { readonly type: 'adopt-port'; readonly opened: OpenedPort };

/** One that is about to come, or is there, and takes a slice of the requests that belong to no other. */
export interface TrialSettings {
  readonly worker: Incarnation;
  /** Who it is compared with. */
  readonly others: readonly Incarnation[];
  /** 0-1. */
  readonly share: number;
  /** Whether it is counted how they do. */
  readonly isCounting: boolean;
  /** For so long from now on times are not counted. ms */
  readonly warmUpMs: number;
  /** Shared memory with a section for each thread: `observability/trial-meter`. */
  readonly newcomerMeter: SharedArrayBuffer;
  readonly othersMeter: SharedArrayBuffer;
}

export type FromBalancer =
  /** The link socket accepts workers. */
  | { readonly type: 'ready' }
  | { readonly type: 'worker-linked'; readonly worker: Incarnation; readonly pid: number }
  /** The worker may get requests for this listener. */
  | {
      readonly type: 'worker-listening';
      readonly worker: Incarnation;
      readonly listener: ListenerAddress;
    }
  /** The port could not be opened; the worker has been told and will see it as an `'error'` event. */
  | {
      readonly type: 'listen-failed';
      readonly worker: Incarnation;
      readonly code: string;
      readonly address: string | null;
      readonly port: number;
    }
  /** The worker's link closed or was closed. */
  | {
      readonly type: 'worker-unlinked';
      readonly worker: Incarnation;
      /** 'closed' by the worker, 'protocol' when it broke the link protocol, 'forgotten' by the supervisor. */
      readonly reason: 'closed' | 'protocol' | 'forgotten';
      readonly detail: string;
      readonly inFlight: readonly InFlightRequest[];
    }
  | { readonly type: 'worker-drained'; readonly worker: Incarnation }
  /** Nothing more is told of it, unless its link outlives it. */
  | { readonly type: 'worker-forgotten'; readonly worker: Incarnation }
  /** Status of its answer; 0 = there was none. */
  | {
      readonly type: 'worker-checked';
      readonly worker: Incarnation;
      readonly check: number;
      readonly status: number;
    }
  /** Missed beats: out of rotation. */
  /** `isTurning`: its event loop turns, and requests wait for others. */
  | {
      readonly type: 'worker-stalled';
      readonly worker: Incarnation;
      readonly silentMs: number;
      readonly isTurning: boolean;
    }
  | { readonly type: 'worker-recovered'; readonly worker: Incarnation; readonly silentMs: number }
  /** It is stalled, and its event loop turns. */
  | { readonly type: 'worker-turning'; readonly worker: Incarnation }
  | {
      readonly type: 'worker-described';
      readonly worker: Incarnation;
      /** Echoed. */
      readonly question: number;
      /** How long its event loop took to answer; null = it did not, or has no link to this thread. ms */
      readonly answeredInMs: number | null;
      /** Share of late in which its loop was busy, 0-1. */
      readonly loopUtilization: number;
      readonly inFlight: readonly InFlightRequest[];
    }
  /** A suspect was answered. */
  | { readonly type: 'request-acquitted'; readonly pool: string; readonly fingerprint: string }
  /** A pool of servers is reached there. */
  | { readonly type: 'pool-listening'; readonly pool: string; readonly listener: ListenerAddress }
  | { readonly type: 'pool-listen-failed'; readonly pool: string; readonly code: string; readonly message: string }
  /** unreachable: no connection can be made; unhealthy: its checks fail; stalled: it answers nothing. `reason` is empty for up. */
  | {
      readonly type: 'server-state';
      readonly pool: string;
      /** As in the options. */
      readonly server: string;
      readonly state: ServerState;
      readonly reason: string;
    }
  /** A worker, by its slot, or a server, as in the options, fails requests: it gets none for a while. */
  | {
      readonly type: 'endpoint-ejected';
      readonly pool: string;
      readonly endpoint: string;
      readonly cause: 'consecutive-failures' | 'success-rate' | 'latency';
      readonly detail: string;
      readonly forMs: number;
      /** In a row, this one included. */
      readonly times: number;
      readonly failed: number;
      readonly requests: number;
    }
  /** time: it was out for long enough; panic: nobody else was left; gone: it is no more, or the rule. */
  | {
      readonly type: 'endpoint-returned';
      readonly pool: string;
      readonly endpoint: string;
      readonly cause: 'time' | 'panic' | 'gone';
    }
  /** From thread 0, as all of ports. */
  | { readonly type: 'port-opened'; readonly opened: OpenedPort }
  /** It was open before, in a thread that has died, and cannot be opened again: that is tried on. */
  | {
      readonly type: 'port-lost';
      readonly key: string;
      readonly listener: ListenerAddress;
      readonly message: string;
    }
  /** Nobody listens there any more. */
  | { readonly type: 'port-closed'; readonly key: string }
  /** JSON as of prom-client; empty where the app has no metrics. `question` is echoed. */
  | { readonly type: 'app-metrics'; readonly worker: Incarnation; readonly question: number; readonly json: string }
  /** Lines of the access log, for stdout. Answer `log-written`. */
  | { readonly type: 'log-lines'; readonly lines: Uint8Array }
  /** Why the access log cannot be written; null = it can again. */
  | { readonly type: 'log-state'; readonly reason: string | null }
  | { readonly type: 'drained' };

/** A port that thread 0 has tried to open. */
export interface OpenedPort {
  /** What the threads call it by. */
  readonly key: string;
  /** The listening descriptor, which threads share where they cannot have one each. -1 when it could not be opened. */
  readonly fd: number;
  readonly answer: ListenAnswer;
}

export type ServerState = 'up' | 'unreachable' | 'unhealthy' | 'stalled';

/** Where a listener is reached. */
export interface ListenerAddress {
  /** null for a Unix socket. */
  readonly host: string | null;
  readonly port: number;
  /** Path of a Unix socket, else null. */
  readonly path: string | null;
  readonly protocol: 'http' | 'tcp';
}

/** A request that was in flight when its worker went away. */
export interface InFlightRequest {
  readonly method: string;
  /** Without its query. */
  readonly target: string;
  readonly ageMs: number;
  /** As `core/fingerprint.ts` has it; null when the worker cannot have been at work on it. */
  readonly fingerprint: string | null;
}

const FROM_SUPERVISOR: ReadonlySet<string> = new Set<FromSupervisor['type']>([
  'expect-worker',
  'serve-worker',
  'forget-worker',
  'drain-worker',
  'admit-worker',
  'check-worker',
  'trial',
  'describe-worker',
  'unavailable',
  'quarantine',
  'configure',
  'adopt-port',
  'pool-servers',
  'ask-metrics',
  'reopen-log',
  'reopen-link',
  'log-written',
  'drain',
  'close',
]);

const FROM_BALANCER: ReadonlySet<string> = new Set<FromBalancer['type']>([
  'ready',
  'worker-linked',
  'worker-listening',
  'listen-failed',
  'worker-unlinked',
  'worker-drained',
  'worker-forgotten',
  'worker-checked',
  'worker-stalled',
  'worker-recovered',
  'worker-turning',
  'worker-described',
  'request-acquitted',
  'pool-listening',
  'pool-listen-failed',
  'server-state',
  'endpoint-ejected',
  'endpoint-returned',
  'port-opened',
  'port-lost',
  'port-closed',
  'drained',
  'app-metrics',
  'log-lines',
  'log-state',
]);

export function isFromSupervisor(message: unknown): message is FromSupervisor {
  return FROM_SUPERVISOR.has(typeOf(message));
}

export function isFromBalancer(message: unknown): message is FromBalancer {
  return FROM_BALANCER.has(typeOf(message));
}

function typeOf(message: unknown): string {
  return typeof message === 'object' && message !== null && 'type' in message ? String(message.type) : '';
}
