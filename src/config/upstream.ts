import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import * as v from 'valibot';
import { AddressRanges, RANGE_EXPECTED } from '../core/address-ranges.ts';
import { type Certificates, secureContextOf } from '../core/secure-context.ts';
import { parseServerAddress } from '../core/server-address.ts';
import { choice, count, duration, type Field, field, flag, HOST, text } from './fields.ts';
import { HEALTH, type HealthEntry, type HealthRules } from './health.ts';
import { invalid, type Settings } from './settings.ts';
import { isSource, parseSource, type SourceAddress, shownSource } from './source.ts';

/** One server of a pool, or a place where servers are found, where there is more to say than its address. */
export interface ServerEntry {
  /** `http://host:port`, `https://host`, `unix:/path`; or `file:`, `dns://`, `dns+srv://`, `etcd://`, `k8s://`. */
  readonly url: string;
  /** How many requests it gets beside the others. 1-1000. Default: 1. */
  readonly weight?: number;
  /** Gets requests only while no other server is there. Default: false. */
  readonly backup?: boolean;
  /** Where it stands; see `zone`. */
  readonly zone?: string;
}

/** TLS to servers, as a user writes it. Files are relative to the config file. */
export interface UpstreamTlsEntry {
  /** Authorities that certificates are checked against, PEM. Default: those that Node knows. */
  readonly ca?: string;
  /** Our own certificate and its key, PEM, for servers that ask for one. */
  readonly cert?: string;
  readonly key?: string;
  /** Name that is asked for and checked. Default: the host of the server's address. */
  readonly serverName?: string;
  /** Default: true. */
  readonly verify?: boolean;
}

/** How a pool's servers are talked to, as a user writes it. */
export interface UpstreamEntry {
  readonly connectTimeout?: number | string;
  readonly keptTimeout?: number | string;
  readonly silenceTimeout?: number | string;
  /** Connections kept to one server while nothing is asked. Default: 256. */
  readonly maxKept?: number;
  /** `'client'`: the client's Host is passed on; `'server'`: the server's own; else this one. Default: `'client'`. */
  readonly hostHeader?: string;
  /** Which fields tell servers of the client. Default: `'x-forwarded'`. */
  readonly forwarded?: 'x-forwarded' | 'forwarded' | 'both' | 'off';
  /** Our name in Via, both ways. Default: no Via. */
  readonly via?: string;
  readonly tls?: UpstreamTlsEntry;
  /** A path, `'tcp'`, or all there is to say. Default: no checks. */
  readonly health?: string | boolean | HealthEntry;
  /**
   * Whether a server that owes answers and falls silent while others are well is asked for a sign of life, by its health
   * path or `OPTIONS *`, and gets no requests until there is one. Default: true.
   */
  readonly stallCheck?: boolean;
  /** Load reports (ORCA) of servers: `'use'` them, `'ask'` for them, use and `'pass'` them on, `'off'`. Default: `'use'`. */
  readonly loadReports?: 'use' | 'ask' | 'pass' | 'off';
}

/** One server of a pool. */
export interface ServerOptions {
  /** As written. */
  readonly url: string;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly zone: string;
}

/** Where servers of a pool are found. The rest holds for those that say nothing else of themselves. */
export interface SourceOptions extends ServerOptions {
  readonly address: SourceAddress;
}

export interface UpstreamTlsOptions extends Certificates {
  /** Name that is asked for (SNI) and checked; null = the host of the server's address. */
  readonly serverName: string | null;
  /** The server's certificate has to be valid. */
  readonly verifies: boolean;
}

/** How a pool's servers are talked to. Plain data. */
export interface UpstreamOptions {
  /** 0 = no limit. */
  readonly connectTimeoutMs: number;
  /** Of a connection that nothing is asked on. 0 = no limit. */
  readonly keptTimeoutMs: number;
  /** 0 = no limit. */
  readonly silenceTimeoutMs: number;
  readonly maxKept: number;
  readonly hostHeader: string;
  readonly forwarded: 'x-forwarded' | 'forwarded' | 'both' | 'off';
  readonly via: string | null;
  readonly tls: UpstreamTlsOptions;
  /** null = no checks. */
  readonly health: HealthRules | null;
  /** One that falls silent is asked for a sign of life. */
  readonly checksStalls: boolean;
  readonly loadReports: 'use' | 'ask' | 'pass' | 'off';
}

/** How Evener talks to children of its own that are no Node. They are told of the client as any server is. */
export const OWN_CHILDREN: UpstreamOptions = Object.freeze({
  connectTimeoutMs: 5_000,
  keptTimeoutMs: 4_000,
  silenceTimeoutMs: 0,
  maxKept: 256,
  hostHeader: 'client',
  forwarded: 'x-forwarded',
  via: null,
  tls: Object.freeze({ ca: null, cert: null, key: null, serverName: null, verifies: true }),
  health: null,
  checksStalls: false,
  loadReports: 'use',
});

export const SERVERS_EXPECTED: string = 'a list of servers, such as http://10.0.0.5:8080';

const SERVER_EXPECTED = 'http://host:port, https://host or unix:/path';
const PLACES = ', or a place where they are found: file:, dns://, dns+srv://, etcd://, k8s://';

const URL_TEXT: Field<string> = field(SERVER_EXPECTED, { type: 'string' }, (value) =>
  typeof value === 'string' && typeof parseServerAddress(value) !== 'string' ? value : undefined,
);

/** What is wrong is told of sources one by one: each is written in a way of its own. */
const PLACE_TEXT: Field<string> = v.pipe(
  v.unknown(),
  v.metadata({ type: 'string' }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    const isPlace = typeof value === 'string' && isSource(value);
    const source = isPlace ? parseSource(value) : null;
    if (isPlace ? typeof source !== 'string' : v.is(URL_TEXT, value)) return value as string;
    const message = typeof source === 'string' ? source : SERVER_EXPECTED + PLACES;
    addIssue({ message, expected: message, input: isPlace ? shownSource(value) : value });
    return NEVER;
  }),
);

const SERVER = v.pipe(
  v.unknown(),
  v.transform((value) => (typeof value === 'object' ? value : { url: value })),
  v.strictObject({
    url: PLACE_TEXT,
    weight: v.optional(count(1, 1000), 1),
    backup: v.optional(flag(), false),
    zone: v.optional(text('a zone')),
  }),
  v.transform(({ url, weight, backup, zone }): ServerOptions | SourceOptions => {
    const server = { url, weight: weight as number, isBackup: backup as boolean, zone: zone ?? '' };
    return isSource(url) ? { ...server, address: parseSource(url) as SourceAddress } : server;
  }),
);

export const SERVERS: Field<readonly (ServerOptions | SourceOptions)[]> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [{ type: 'string' }, { type: 'array', items: { type: ['string', 'object'] } }] }),
  v.transform((value) => (Array.isArray(value) ? value : [value]) as unknown[]),
  v.array(SERVER),
) as unknown as Field<readonly (ServerOptions | SourceOptions)[]>;

/**
 * A server as a source tells of it: a url, or an object as in a config file.
 * @param defaults what holds where it says nothing
 * @returns what is wrong with it
 */
export function readFoundServer(value: unknown, defaults: ServerOptions): ServerOptions | string {
  const { weight, isBackup, zone } = defaults;
  const own = typeof value === 'object' && value !== null ? value : { url: value };
  const result = v.safeParse(SERVER, { weight, backup: isBackup, ...(zone === '' ? {} : { zone }), ...own });
  if (!result.success) {
    const [issue] = result.issues;
    const key = (issue.path ?? []).map((item) => String(item.key)).join('.');
    return `${key === '' ? 'a server' : key}: expected ${issue.expected === 'never' ? 'no such key' : issue.message}`;
  }
  return 'address' in result.output ? `url: expected ${SERVER_EXPECTED}` : result.output;
}

export const TRUSTED_PROXIES: Field<readonly string[]> = field(
  `a list of ranges: ${RANGE_EXPECTED}`,
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  (value) => {
    const list = (Array.isArray(value) ? value : [value]) as unknown[];
    return list.every((one) => typeof one === 'string' && AddressRanges.isRange(one)) ? (list as string[]) : undefined;
  },
);

export const HOST_HEADER: Field<string> = field("'client', 'server' or a host", { type: 'string' }, (value) =>
  typeof value === 'string' && HOST.test(value) ? value : undefined,
);

export const FORWARDED: Field<UpstreamOptions['forwarded']> = choice(['x-forwarded', 'forwarded', 'both', 'off']);

export const VIA: Field<string> = field('a name of letters, digits, and - . _', { type: 'string' }, (value) =>
  typeof value === 'string' && /^[\w.-]{1,100}$/.test(value) ? value : undefined,
);

export const LOAD_REPORTS: Field<UpstreamOptions['loadReports']> = choice(['use', 'ask', 'pass', 'off']);
export const STALL_CHECK: Field<boolean> = flag();
export const MAX_KEPT: Field<number> = count(0, 100_000);
export const CONNECT_TIMEOUT: Field<number> = duration(true);
export const KEPT_TIMEOUT: Field<number> = duration(true);
export const SILENCE_TIMEOUT: Field<number> = duration(true);
export { HEALTH };

export const UPSTREAM_TLS: Field<UpstreamTlsEntry> = v.strictObject({
  ca: v.optional(text('a file')),
  cert: v.optional(text('a file')),
  key: v.optional(text('a file')),
  serverName: v.optional(text('a name')),
  verify: v.optional(flag()),
}) as unknown as Field<UpstreamTlsEntry>;

const DEFAULT_CONNECT_MS = 5_000;
/** Shorter than the limit of any server that does not tell its own; Node's is 5 s. */
const DEFAULT_KEPT_MS = 4_000;
const DEFAULT_SILENCE_MS = 300_000;
const DEFAULT_MAX_KEPT = 256;

/**
 * @param folder what relative files are relative to
 * @param prefix of keys in messages
 * @throws EvenerError EVENER_CONFIG_INVALID
 */
export function readUpstream(settings: Settings, folder: string, prefix: string): UpstreamOptions {
  const tls = settings.read('tls', UPSTREAM_TLS, {}, null);
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalid(`${prefix}tls`, { cert: tls.cert, key: tls.key }, 'a cert and its key, or neither');
  }
  const pem = (key: 'ca' | 'cert' | 'key'): string | null => {
    const file = tls[key];
    return file === undefined ? null : readPem(resolve(folder, file), `${prefix}tls.${key}`);
  };
  const pems = { ca: pem('ca'), cert: pem('cert'), key: pem('key') };
  const fault = faultOf(pems);
  if (fault !== null)
    throw invalid(`${prefix}tls`, tls, `a certificate and the key that belongs to it, in PEM (${fault})`);
  return Object.freeze({
    connectTimeoutMs: settings.read('connectTimeout', CONNECT_TIMEOUT, DEFAULT_CONNECT_MS, '5s'),
    keptTimeoutMs: settings.read('keptTimeout', KEPT_TIMEOUT, DEFAULT_KEPT_MS, '4s'),
    silenceTimeoutMs: settings.read('silenceTimeout', SILENCE_TIMEOUT, DEFAULT_SILENCE_MS, '5m'),
    maxKept: settings.read('maxKept', MAX_KEPT, DEFAULT_MAX_KEPT),
    hostHeader: settings.read('hostHeader', HOST_HEADER, 'client'),
    forwarded: settings.read('forwarded', FORWARDED, 'x-forwarded'),
    via: settings.read<string | null>('via', VIA, null),
    tls: Object.freeze({
      ...pems,
      serverName: tls.serverName ?? null,
      verifies: tls.verify ?? true,
    }),
    health: settings.read('health', HEALTH, null, null),
    checksStalls: settings.read('stallCheck', STALL_CHECK, true),
    loadReports: settings.read('loadReports', LOAD_REPORTS, 'use'),
  });
}

/** What a balancer thread would die of; null = nothing. While certificates are exchanged, one may be there without its key. */
function faultOf(pems: Certificates): string | null {
  if (pems.ca === null && pems.cert === null) return null;
  try {
    secureContextOf(pems);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function readPem(path: string, key: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw invalid(key, path, `a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
