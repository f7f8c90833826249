import type { InFlightRequest, ListenerAddress } from '../channel/messages.ts';
import type { EvenerErrorCode } from '../core/evener-error.ts';
import type { CanaryReport } from './canary.ts';
import type { CrashReport } from './crash-report.ts';
import type { HangReport } from './hang-report.ts';
import type { DescriptorShortage } from './open-files.ts';

/** What a supervisor tells. Every event has a `type`, and is plain data. */
export type SupervisorEvent =
  | {
      readonly type: 'starting';
      readonly apps: readonly AppFacts[];
      readonly pools: readonly PoolFacts[];
      readonly threads: number;
      /** Open files may not do; null = they do. */
      readonly shortage: DescriptorShortage | null;
    }
  | { readonly type: 'listening'; readonly address: ListenerAddress }
  | (WorkerFacts & {
      readonly type: 'worker-ready';
      readonly bootMs: number;
      readonly failedStarts: number;
      readonly restarts: number;
      /** Slot of the one whose place it took, having stood by; else null. */
      readonly inPlaceOf: number | null;
    })
  /** It is ready, and takes the place of the one before it when it listens there as well, or after so long. */
  | (WorkerFacts & {
      readonly type: 'worker-awaited';
      readonly addresses: readonly ListenerAddress[];
      readonly limitMs: number;
    })
  /** Booted, and out of rotation until one dies. */
  | (WorkerFacts & { readonly type: 'worker-standing-by'; readonly bootMs: number })
  /** It had been ready, and nobody had asked it to go. */
  | (WorkerFacts & {
      readonly type: 'worker-died';
      /** `exit code 1`, `signal SIGKILL`, or why we ended it. */
      readonly cause: string;
      readonly report: CrashReport;
      /** The oldest, 100 at most. */
      readonly inFlight: readonly InFlightRequest[];
      readonly inFlightCount: number;
      /** null = not restarted, or replaced already. */
      readonly restartInMs: number | null;
      /** The pid of the one that had taken its place before it ended; null = none had. */
      readonly replacedBy: number | null;
      /** Deaths in a row in this slot, this one included, without a good spell between them. */
      readonly restarts: number;
    })
  /** After several deaths in a row it has been up for a good spell. */
  | (WorkerFacts & { readonly type: 'worker-settled'; readonly restarts: number })
  /** It ended, or was ended, before it was ready. Once for a row of failures with the same reason. */
  | (WorkerFacts & {
      readonly type: 'worker-boot-failed';
      readonly reason: string;
      readonly failedStarts: number;
      readonly restartInMs: number | null;
    })
  | (WorkerFacts & { readonly type: 'worker-retired' })
  /** isTurning: its event loop turns, and its last answer is older than that because requests stand in line. */
  | (WorkerFacts & { readonly type: 'worker-stalled'; readonly silentMs: number; readonly isTurning: boolean })
  | (WorkerFacts & { readonly type: 'worker-recovered'; readonly silentMs: number })
  /** Silent beyond the hang limit, and explained. It is ended next, unless somebody debugs it. */
  | (WorkerFacts & {
      readonly type: 'worker-hung';
      readonly silentMs: number;
      readonly report: HangReport;
      readonly isLeftAlone: boolean;
    })
  /** Beyond its limit of memory: replaced, or, half as much above it, ended at once. */
  | (WorkerFacts & {
      readonly type: 'worker-too-large';
      readonly bytes: number;
      readonly limitBytes: number;
      readonly isKilled: boolean;
    })
  /** As its memory has grown in the last minutes, it will cross its limit; told once. */
  | (WorkerFacts & {
      readonly type: 'worker-will-outgrow';
      readonly bytes: number;
      readonly limitBytes: number;
      readonly inMs: number;
    })
  /** Old enough, or has served enough: it is replaced. `value` and `limit` in ms, or requests. */
  | (WorkerFacts & {
      readonly type: 'worker-expired';
      readonly cause: 'age' | 'requests';
      readonly value: number;
      readonly limit: number;
    })
  /** A balancer thread that has started again cannot reach it, though others can: it is replaced. */
  | (WorkerFacts & { readonly type: 'worker-unreachable'; readonly thread: number })
  /** Two workers or more died or hung with this request in their hands, and it was never answered: it is refused for a while. */
  | {
      readonly type: 'request-quarantined';
      readonly app: string;
      readonly method: string;
      /** Without its query. */
      readonly target: string;
      /** That of the requests in flight in reports; its first part where all requests for the target are meant. */
      readonly fingerprint: string;
      /** `target`: workers died of requests for it whose header fields differ, so it is refused whatever they are. */
      readonly scope: 'request' | 'target';
      readonly workers: number;
      readonly forMs: number;
    }
  /** It is let through again; one death more, and it is refused for longer. */
  | { readonly type: 'request-released'; readonly app: string; readonly fingerprint: string }
  /** No worker of an app is up and every slot fails to start one: clients get 503. */
  | {
      readonly type: 'crash-loop';
      readonly app: string;
      readonly reason: string;
      readonly retryAfterSeconds: number;
    }
  | { readonly type: 'crash-loop-over'; readonly app: string }
  /** A server gets no requests: no connection can be made, its checks fail, or it answers nothing. */
  | {
      readonly type: 'server-down';
      readonly pool: string;
      /** As in the options. */
      readonly server: string;
      readonly state: 'unreachable' | 'unhealthy' | 'stalled';
      readonly reason: string;
    }
  /** One that got no requests is not among the servers any more. */
  | { readonly type: 'server-gone'; readonly pool: string; readonly server: string }
  /** What its sources have found makes others the servers of a pool. */
  | {
      readonly type: 'servers-changed';
      readonly pool: string;
      readonly added: readonly string[];
      readonly removed: readonly string[];
      /** How many there are now. */
      readonly servers: number;
    }
  /** A place where servers are found cannot say which there are: those that are known stay. Once for each reason. */
  | {
      readonly type: 'source-failed';
      readonly pool: string;
      /** As in the options. */
      readonly source: string;
      readonly reason: string;
      /** It is wrong with some of it only: the rest was taken, and is what is known from now on. */
      readonly isPartial: boolean;
    }
  | { readonly type: 'source-works'; readonly pool: string; readonly source: string }
  /** Others can find this instance, for the first time or again. */
  | { readonly type: 'registered'; readonly registry: string; readonly url: string }
  | { readonly type: 'registration-failed'; readonly registry: string; readonly url: string; readonly reason: string }
  | { readonly type: 'server-up'; readonly pool: string; readonly server: string }
  /** A worker or server fails requests while others do not: it gets none for a while. */
  | {
      readonly type: 'endpoint-ejected';
      /** Or pool of servers. */
      readonly app: string;
      /** null where it is a server. */
      readonly worker: number | null;
      /** As in the options; null where it is a worker. */
      readonly server: string | null;
      readonly cause: 'consecutive-failures' | 'success-rate' | 'latency';
      /** One clause. */
      readonly detail: string;
      readonly forMs: number;
      /** In a row, this one included. */
      readonly times: number;
      /** Since rates were last compared. */
      readonly failed: number;
      readonly requests: number;
    }
  /** It gets requests again. time: it was out for long enough; panic: nobody else was left; gone: it was replaced, or the rule is no more. */
  | {
      readonly type: 'endpoint-returned';
      readonly app: string;
      readonly worker: number | null;
      readonly server: string | null;
      readonly cause: 'time' | 'panic' | 'gone';
      readonly afterMs: number;
    }
  /** Clients wait for room or are refused, or idle ones closed to let others in. When it begins. address: as many as one may have come from one. */
  | {
      readonly type: 'connections-limited';
      readonly why: 'limit' | 'descriptors' | 'address';
      readonly refused: number;
      readonly closed: number;
      /** Times that accepting was paused. */
      readonly pauses: number;
    }
  | {
      readonly type: 'connections-limited-over';
      readonly refused: number;
      readonly closed: number;
      readonly pauses: number;
      readonly lastedMs: number;
    }
  | { readonly type: 'balancer-died'; readonly thread: number; readonly cause: string; readonly restartInMs: number }
  /** It cannot be opened again after that: another process has taken it. Tried on; told once. */
  | { readonly type: 'port-lost'; readonly address: ListenerAddress; readonly reason: string }
  /** Clients reach it again; or nobody listens there any more. */
  | { readonly type: 'port-back'; readonly address: ListenerAddress; readonly isOpen: boolean }
  /** A file of an app; a reload follows. */
  | { readonly type: 'file-changed'; readonly path: string }
  /** Changes of some of its files will not be seen. Once. */
  | { readonly type: 'watch-failed'; readonly reason: string }
  /** Somebody asked for another worker in its place. */
  | (WorkerFacts & { readonly type: 'worker-restarting' })
  /** Somebody asked for it to get nothing new and to end; its place stays empty. */
  | (WorkerFacts & { readonly type: 'worker-drained' })
  /** The disk is full, or the file must not be written, or opened anew: lines are lost, or go on to where it was. */
  | { readonly type: 'access-log-failed'; readonly reason: string }
  | { readonly type: 'access-log-works' }
  /** Its file is larger than it is to be and cannot be renamed: it grows on. Once, until it can. */
  | { readonly type: 'access-log-rotation-failed'; readonly reason: string }
  | { readonly type: 'access-log-rotation-works' }
  /** The files of Evener itself were removed, or are others now: workers are started with those that it was started with. */
  | { readonly type: 'own-files-replaced' }
  /** Somebody removed the folder of our sockets, or some of it; it was made again. */
  | { readonly type: 'runtime-directory-restored'; readonly path: string }
  /** It cannot be made again: no worker that dies can be replaced, and commands do not find us. Once, until it can. */
  | { readonly type: 'runtime-directory-lost'; readonly path: string; readonly reason: string }
  /** Where metrics, the control API and the dashboard are reached by HTTP. */
  | { readonly type: 'admin-listening'; readonly url: string }
  /** Requests are refused for want of capacity. When it begins, and now and then while it lasts. */
  | {
      readonly type: 'shedding';
      /** Or pool of servers. */
      readonly app: string;
      /** Since it was last told. */
      readonly fresh: number;
      /** Since it began. */
      readonly requests: number;
      /** 0 when it begins. */
      readonly lastsMs: number;
    }
  | {
      readonly type: 'shedding-over';
      readonly app: string;
      readonly requests: number;
      readonly lastedMs: number;
    }
  /** A receiver of notices, or the config's `onIncident`, does not get them. Once, until it gets them again. */
  | {
      readonly type: 'notifier-failed';
      readonly notifier: string;
      readonly reason: string;
      readonly isRetried: boolean;
    }
  | { readonly type: 'notifier-recovered'; readonly notifier: string; readonly lost: number }
  | {
      readonly type: 'reload-started';
      readonly workers: number;
      /** Options that have changed, and of which nothing comes before the next start. */
      readonly atNextStart: readonly string[];
    }
  /** The first worker of a new version takes a share of the requests, 0-1, for so long. */
  | (WorkerFacts & { readonly type: 'canary-serving'; readonly share: number; readonly forMs: number })
  /** What came of it. */
  | (CanaryReport & { readonly type: 'reload-judged' })
  | { readonly type: 'reload-done'; readonly tookMs: number }
  | { readonly type: 'reload-failed'; readonly reason: string }
  /** Balancer threads died of what a reload had brought: they go on with the options of before. */
  | { readonly type: 'options-taken-back'; readonly cause: string }
  /** `why`: what moved Evener to it by itself; null where somebody asked for it. */
  | { readonly type: 'scaled'; readonly app: string; readonly workers: number; readonly why: string | null }
  | { readonly type: 'draining'; readonly limitMs: number }
  | { readonly type: 'stopped'; readonly tookMs: number }
  /** It has given up and closed itself. */
  | { readonly type: 'failed'; readonly code: EvenerErrorCode; readonly reason: string };

export interface AppFacts {
  readonly app: string;
  /** As the user wrote it. */
  readonly command: string;
  readonly workers: number;
}

/** A pool of servers. */
export interface PoolFacts {
  readonly pool: string;
  /** As in the options. */
  readonly servers: readonly string[];
  /** Where more are found. */
  readonly sources: readonly string[];
}

export interface WorkerFacts {
  /** Name of its app. */
  readonly app: string;
  /** From 0 in its app, stable over restarts. */
  readonly slot: number;
  readonly pid: number;
}

export type SupervisorListener = (event: SupervisorEvent) => void;
