import type { Incident, IncidentChange } from '../core/incident.ts';
import type { App } from './app.ts';
import type { ChildProtocol } from './child-protocol.ts';
import type { NotifyEntry, NotifyOptions } from './notify.ts';
import type { OutlierEntry, OutlierRules } from './outlier.ts';
import type { RegisterEntry, RegisterOptions } from './register.ts';
import type { Origin } from './settings.ts';
import type { KeySource, Sticky } from './sticky.ts';
import type { ServerEntry, ServerOptions, SourceOptions, UpstreamEntry, UpstreamOptions } from './upstream.ts';

/** Which requests of a port a pool gets. */
export interface Route {
  /** `example.org`, or `*.example.org` for all below it. Default: any. */
  readonly host?: string | readonly string[];
  /** Path prefix, by whole segments: `/api` takes `/api` and `/api/x`, not `/apiary`. Default: `/`. */
  readonly path?: string;
}

/** How requests of one client stay with one endpoint. Default: `'auto'`, sessions of Socket.IO only. */
export type StickyEntry =
  | 'auto'
  | 'off'
  | {
      readonly cookie?: StickyCookieEntry;
      /** Like {@link PoolEntry.hashKey}: requests of one key go to one endpoint, whatever the policy. */
      readonly hash?: string;
      /** Learn the sessions of Socket.IO. Default: true. */
      readonly sessions?: boolean;
    };

export interface StickyCookieEntry {
  /** Default: `evener`. */
  readonly name?: string;
  /** Default: until the browser is closed. */
  readonly maxAge?: number | string;
  readonly path?: string;
  readonly domain?: string;
  /** Default: `Lax`. */
  readonly sameSite?: 'Lax' | 'Strict' | 'None';
  /** Default: `'auto'`, which is what the connection is. */
  readonly secure?: boolean | 'auto';
  /** For instances that are to understand each other's cookies. Default: one of this instance's own. */
  readonly secret?: string;
}

/** What apps and pools of servers have in common. Durations `'10s'` or ms; `'off'` where the table allows it. */
export interface PoolEntry {
  readonly policy?: string;
  /** Proxies in front of us whose word on the client counts: addresses, ranges, `'unix'`. Default: none. */
  readonly trustedProxies?: string | readonly string[];
  /** What the policies `hash` and `maglev` go by: `'address'`, `'header:x-user'`, `'cookie:session'`, `'query:room'`. Default: the address. */
  readonly hashKey?: string;
  /** Policy `hash`: what an endpoint may have in flight, as a multiple of the average. Default: 1.25. */
  readonly hashBound?: number | string;
  /** Policy `first`: requests in flight after which the next endpoint is used. Default: 16. */
  readonly firstRoom?: number | string;
  readonly slowStart?: number | string;
  readonly maxConcurrency?: number | string;
  /** When a worker or server that fails requests is taken out for a while. */
  readonly outlier?: OutlierEntry | 'off';
  /** Where this balancer stands; endpoints of the same zone come first. */
  readonly zone?: string;
  readonly sticky?: StickyEntry;
  readonly queueLimit?: number | string;
  readonly queueTimeout?: number | string;
  readonly headerTimeout?: number | string;
  readonly bodyTimeout?: number | string;
  readonly keepAliveTimeout?: number | string;
  readonly responseTimeout?: number | string;
  readonly hedge?: number | string;
  /** Tells clients how busy a pool is (ORCA). Default: `'off'`. */
  readonly reportLoad?: 'off' | 'asked' | 'always';
  readonly drainLimit?: number | string;
  readonly route?: Route | readonly Route[];
}

/** One app as a user writes it. Sizes are `'512MB'` or bytes. */
export interface AppEntry extends PoolEntry {
  /** A script (`'server.js'`), or a command with its arguments (`['npm', 'start']`). */
  readonly app?: string | readonly string[];
  /** Arguments for the app. */
  readonly args?: readonly string[];
  /** Where to look for the app and to run it. Default: the current folder; in a config file, that of the file. */
  readonly cwd?: string;
  /** What the workers inherit. Default: `process.env`; in a config file, added to it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly workers?: number | string;
  readonly port?: number | string;
  readonly standby?: number | string;
  readonly quarantine?: number | string;
  readonly hangLimit?: number | string;
  readonly bootTimeout?: number | string;
  readonly maxMemory?: number | string;
  readonly maxAge?: number | string;
  readonly maxRequests?: number | string;
  readonly nodeArgs?: string | readonly string[];
  readonly ready?: 'listen' | 'message';
  readonly healthPath?: string;
  /** `'http'`: a program in any language, each on a PORT of its own. Default: by the command. */
  readonly protocol?: 'auto' | 'link' | 'http';
  /** Whether a worker of protocol http gets a PORT or a SOCKET. Default: `'port'`. */
  readonly childAddress?: 'port' | 'socket';
  readonly parallel?: number | string;
  /** How a reload tries out the first new worker: `'10%'` of the requests, or all there is to say. Default: `'off'`. */
  readonly canary?: number | string | CanaryEntry;
}

export interface CanaryEntry {
  /** Of the requests, up to `'50%'`. */
  readonly share: number | string;
  /** How long. Default: `'60s'`. */
  readonly for?: number | string;
}

/** Remote servers behind one policy. */
export interface ServersEntry extends PoolEntry, UpstreamEntry {
  readonly servers?: string | readonly (string | ServerEntry)[];
  /** Where to listen: `8080`, `'127.0.0.1:8080'`, `'unix:/run/app.sock'`. */
  readonly listen?: number | string;
}

export interface AdminEntry {
  readonly listen: number | string;
  /** 16 characters or more. Default: EVENER_ADMIN_TOKEN. */
  readonly token?: string;
}

export interface AccessLogEntry {
  /** Default: stdout. */
  readonly file?: string;
  /** Default: `'json'`. */
  readonly format?: 'json' | 'combined';
  /** A file that has grown beyond this is renamed and begun anew. Default: `'100MB'`; `'off'` = never. */
  readonly maxSize?: number | string;
  /** How many of those are kept. Default: 5. */
  readonly keep?: number;
  /** Whether targets are logged with their query, which may hold secrets. Default: false. */
  readonly query?: boolean;
  /** A request header whose value is logged as the request's id. Default: an id is made up. */
  readonly requestId?: string;
}
/** Gets a copy of its own of the incident. */
export type IncidentFunction = (incident: Incident, change: IncidentChange) => unknown;

/** Options as a user writes them. What stands at the top is the default of every app and pool. */
export interface EvenerOptions extends AppEntry, ServersEntry {
  readonly name?: string;
  readonly threads?: number | string;
  readonly exitOnCrashLoop?: boolean;
  readonly maxConnections?: number | string;
  readonly maxConnectionsPerAddress?: number | string;
  readonly watch?: boolean;
  /** Where the admin listener is: `9000`, `'127.0.0.1:9000'`; with a token where others can reach it. Default: none. */
  readonly admin?: number | string | AdminEntry;
  /** A file, `true` for stdout, or all there is to say. Default: no log. */
  readonly accessLog?: boolean | string | AccessLogEntry;
  /** Who hears of incidents. */
  readonly notify?: readonly NotifyEntry[];
  /** Called with every change of an incident: `(incident, change) => ...`. May be async. */
  readonly onIncident?: IncidentFunction;
  /** Where this instance makes itself known to others while it serves. */
  readonly register?: RegisterEntry | readonly RegisterEntry[];
  /** Several apps, by name. */
  readonly apps?: Readonly<Record<string, AppEntry>>;
  /** Pools of remote servers, by name. */
  readonly pools?: Readonly<Record<string, ServersEntry>>;
}

/** Which requests of a port a pool gets. */
export interface ResolvedRoute {
  /** Lower case; null = any. `*.` at the start stands for one or more labels. */
  readonly host: string | null;
  /** Without a slash at its end; empty = all. */
  readonly path: string;
}

/** What the balancer has to know of a pool. */
export interface PoolOptions {
  /** Of the app or pool; unique. */
  readonly name: string;
  readonly policy: string;
  /** Ranges of proxies in front of us whose word on the client counts. */
  readonly trustedProxies: readonly string[];
  /** What policies go by that ask for a key. */
  readonly hashKey: KeySource;
  readonly hashBound: number;
  readonly firstRoom: number;
  /** 0 = endpoints have their full weight at once. */
  readonly slowStartMs: number;
  /** 0 = no limit. */
  readonly maxConcurrency: number;
  /** null = nobody is taken out. */
  readonly outlier: OutlierRules | null;
  /** Empty = zones do not matter. */
  readonly zone: string;
  readonly sticky: Sticky;
  readonly queueLimit: number;
  /** 0 = no limit. */
  readonly queueTimeoutMs: number;
  /** null = the app's own `headersTimeout`; 0 = no limit. */
  readonly headerTimeoutMs: number | null;
  /** null = none for a Node app, which has its own `requestTimeout`, else 60 s; 0 = no limit. */
  readonly bodyTimeoutMs: number | null;
  /** null = the app's own `keepAliveTimeout`, or 75 s where it is not Node; 0 = no limit. */
  readonly keepAliveTimeoutMs: number | null;
  /** 0 = no limit. */
  readonly responseTimeoutMs: number;
  /** 0 = never. */
  readonly hedgeMs: number;
  readonly reportLoad: 'off' | 'asked' | 'always';
  /** Of what is in flight at the end; of a worker, from the signal to SIGKILL. */
  readonly drainLimitMs: number;
  /** Any of them; empty = all requests. */
  readonly routes: readonly ResolvedRoute[];
}

/** One app as the programs use it: parsed, checked, complete, frozen. */
export interface AppOptions extends PoolOptions {
  readonly app: App;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How many workers; equal unless a range was given. 1-512. */
  readonly workers: { readonly min: number; readonly max: number };
  /** null = the app decides; 0 = any free one. */
  readonly port: number | null;
  /** How its workers are reached. */
  readonly protocol: ChildProtocol;
  /** What a worker gets that is no Node. */
  readonly childAddress: 'port' | 'socket';
  /** Workers beside those, booted and without requests, one of which takes a dead one's place. */
  readonly standby: number;
  /** 0 = no request is refused for what workers died of. */
  readonly quarantineMs: number;
  /** 0 = a silent worker is never replaced. */
  readonly hangLimitMs: number;
  /** 0 = no limit. */
  readonly bootTimeoutMs: number;
  /** null = no limit. */
  readonly maxMemoryBytes: number | null;
  /** 0 = no limit. */
  readonly maxAgeMs: number;
  /** 0 = no limit. */
  readonly maxRequests: number;
  /** Flags for Node, before the script. */
  readonly nodeArgs: readonly string[];
  /** message: `process.send('ready')`, after the first listen. */
  readonly ready: 'listen' | 'message';
  /** Answered with 2xx or 3xx before a worker gets its first request; null = not asked for. */
  readonly healthPath: string | null;
  /** Workers that a reload replaces at a time. 1-512. */
  readonly parallel: number;
  /** How a reload tries out the first new worker, where it is not told otherwise; null = not at all. */
  readonly canary: CanaryTerms | null;
}

/** How a new version is tried out. */
export interface CanaryTerms {
  /** Of the requests, 0-0.5. */
  readonly share: number;
  readonly forMs: number;
}

/** Where a pool of servers is reached. */
export interface ListenAddress {
  /** null = every address. */
  readonly host: string | null;
  readonly port: number;
  /** Unix socket, else null. */
  readonly path: string | null;
}

export interface ServersOptions extends PoolOptions {
  /** Those that are named. With `sources` at least one. */
  readonly servers: readonly ServerOptions[];
  /** Where more of them are found. */
  readonly sources: readonly SourceOptions[];
  readonly listen: ListenAddress;
  readonly upstream: UpstreamOptions;
}

export interface AdminOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** null = none was set, which only a loopback host allows. */
  readonly token: string | null;
}

export interface AccessLogOptions {
  /** Absolute; null = stdout. */
  readonly file: string | null;
  readonly format: 'json' | 'combined';
  /** 0 = however large. */
  readonly maxBytes: number;
  readonly keep: number;
  readonly hasQuery: boolean;
  /** Lower case; null = an id is made up. */
  readonly requestIdHeader: string | null;
}

/** Everything that one instance runs by. Frozen. */
export interface ResolvedOptions {
  readonly name: string;
  readonly threads: number;
  readonly exitOnCrashLoop: boolean;
  /** Of clients, in all threads together; null = what open files allow. */
  readonly maxConnections: number | null;
  /** 0 = no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Reload when a file of an app has changed. */
  readonly watch: boolean;
  /** null = no admin listener. */
  readonly admin: AdminOptions | null;
  /** null = no access log. */
  readonly accessLog: AccessLogOptions | null;
  /** Apps and pools together are at least one. */
  readonly apps: readonly AppOptions[];
  readonly pools: readonly ServersOptions[];
  /** Where it makes itself known. */
  readonly register: readonly RegisterOptions[];
  readonly notify: readonly NotifyOptions[];
  readonly onIncident: IncidentFunction | null;
  /** The config file, or null. */
  readonly file: string | null;
  /** Where each value came from, for `evener check`. */
  readonly origins: readonly Origin[];
}

/** Gives a config file's object its type. */
export function defineConfig(options: EvenerOptions): EvenerOptions {
  return options;
}
