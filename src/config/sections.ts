import * as v from 'valibot';
import { ACCESS_LOG } from './access-log.ts';
import { ADMIN } from './admin.ts';
import { CANARY } from './canary.ts';
import { type Field, field, fieldOf, objectOf, text, texts } from './fields.ts';
import { NOTIFY, ON_INCIDENT } from './notify.ts';
import type { ListenAddress, ResolvedRoute } from './options.ts';
import { OUTLIER } from './outlier.ts';
import { REGISTER } from './register.ts';
import { OPTIONS, type OptionScope } from './schema.ts';
import { BOUND, FIRST_ROOM, KEY_SOURCE, STICKY, ZONE } from './sticky-fields.ts';
import * as upstream from './upstream.ts';

/**
 * What a config file may hold beside the table of options: values that are no single word or number, and so have no flag.
 */
export interface Section {
  readonly key: string;
  /** Where it may stand; `servers`: in pools of servers only. */
  readonly scope: OptionScope | 'servers';
  readonly field: Field<unknown>;
  /** One line. */
  readonly meaning: string;
}

export const APP_EXPECTED: string = 'a script, or a command with its arguments';
export const APP: Field<readonly string[]> = texts(APP_EXPECTED, (index) => index > 0);

const VARIABLE_NAME = field("a name that is not empty, without '=' and zero bytes", {}, (name) =>
  typeof name === 'string' && /^[^=\0]+$/.test(name) ? name : undefined,
) as unknown as v.GenericSchema<string>;
const VARIABLE_SCHEMA = { type: ['string', 'number', 'boolean'] };
const VARIABLE = field('a text without zero bytes, a number, true or false', VARIABLE_SCHEMA, (value) => {
  const isFit = VARIABLE_SCHEMA.type.includes(typeof value) && !String(value).includes('\0');
  return isFit ? String(value) : undefined;
});
const ENVIRONMENT_SCHEMA = {
  type: 'object',
  propertyNames: { pattern: '^[^=]+$' },
  additionalProperties: VARIABLE_SCHEMA,
};

/** environ(7). What is undefined stays so. */
export const ENVIRONMENT = v.pipe(
  field('an object of texts', ENVIRONMENT_SCHEMA, (value) => (Array.isArray(value) ? undefined : value)),
  v.record(VARIABLE_NAME, v.optional(VARIABLE)),
) as unknown as Field<Record<string, string | undefined> | null>;

export const LISTEN_EXPECTED: string = "where to listen: a port, 'host:port' or 'unix:/path'";
export const LISTEN: Field<ListenAddress | null> = field(LISTEN_EXPECTED, { type: ['integer', 'string'] }, (value) => {
  const written = String(value);
  if (written.startsWith('unix:/')) return { host: null, port: -1, path: written.slice(5) };
  const match = /^(?:(\[[0-9a-f:.]+\]|[^:[\]]+):)?(\d{1,5})$/i.exec(written);
  if (match === null || Number(match[2]) > 65_535) return undefined;
  return { host: match[1]?.replace(/^\[|\]$/g, '') ?? null, port: Number(match[2]), path: null };
});

const HOST: Field<readonly string[]> = field(
  "a host such as 'example.org' or '*.example.org'",
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  (value) => {
    const hosts = (Array.isArray(value) ? value : [value]) as unknown[];
    const isHost = (host: unknown): host is string => typeof host === 'string' && /^(\*\.)?[\w.-]+$/.test(host);
    return hosts.length > 0 && hosts.every(isHost) ? hosts.map((host) => host.toLowerCase()) : undefined;
  },
);

const PATH: Field<string> = field("a path that begins with '/'", { type: 'string' }, (value) =>
  typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value) && !/[?#]/.test(value)
    ? value.replace(/\/+$/, '')
    : undefined,
);

const ROUTE: Field<readonly ResolvedRoute[]> = v.pipe(
  objectOf({ host: v.optional(HOST), path: v.optional(PATH) }),
  v.transform(({ host, path }) => (host ?? [null]).map((one) => ({ host: one, path: path ?? '' }))),
) as unknown as Field<readonly ResolvedRoute[]>;

export const ROUTES: Field<readonly ResolvedRoute[]> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [ROUTE, v.array(ROUTE)] }),
  v.transform((value) => (Array.isArray(value) ? value : [value]) as unknown[]),
  v.array(ROUTE),
  v.transform((routes) => routes.flat()),
) as unknown as Field<readonly ResolvedRoute[]>;

export const ARGS: Field<readonly string[]> = texts('a list of arguments', () => true);
export const CWD: Field<string> = text('a folder');

export const SECTIONS: readonly Section[] = Object.freeze([
  section('app', 'app', APP, 'a script, or a command with its arguments'),
  section('args', 'app', ARGS, 'arguments for the app'),
  section('cwd', 'app', CWD, 'where the app is looked for and run; the folder of the config file'),
  section('env', 'app', ENVIRONMENT, 'what the workers get beside our environment'),
  section('route', 'pool', ROUTES, 'which requests of its address a pool gets; all'),
  section(
    'trustedProxies',
    'pool',
    upstream.TRUSTED_PROXIES,
    'proxies in front of us whose word on the client counts; none',
  ),
  section('hashKey', 'pool', KEY_SOURCE, 'what policies hash and maglev go by; address'),
  section('hashBound', 'pool', BOUND, 'how far above the average hash lets an endpoint be loaded; 1.25'),
  section('firstRoom', 'pool', FIRST_ROOM, 'requests in flight that first gives one endpoint before the next; 16'),
  section('zone', 'pool', ZONE, 'where Evener itself stands; endpoints of the same zone are preferred'),
  section('sticky', 'pool', STICKY, 'which requests keep to one endpoint; auto: those of a Socket.IO session'),
  section('outlier', 'pool', OUTLIER, 'when one that fails requests is taken out for a while; 5 failures in a row'),
  section(
    'servers',
    'servers',
    upstream.SERVERS,
    'remote servers, such as http://10.0.0.5:8080, or where they are found',
  ),
  section('listen', 'servers', LISTEN, 'where a pool of servers is reached'),
  section('connectTimeout', 'servers', upstream.CONNECT_TIMEOUT, 'longest wait for a connection to a server; 5s'),
  section('keptTimeout', 'servers', upstream.KEPT_TIMEOUT, 'longest rest of a kept connection to a server; 4s'),
  section('silenceTimeout', 'servers', upstream.SILENCE_TIMEOUT, "longest silence within a server's response; 5m"),
  section('maxKept', 'servers', upstream.MAX_KEPT, 'connections kept to one server; 256'),
  section('hostHeader', 'servers', upstream.HOST_HEADER, "Host that servers get: 'client', 'server' or a name; client"),
  section('forwarded', 'servers', upstream.FORWARDED, 'fields that tell servers of the client; x-forwarded'),
  section('via', 'servers', upstream.VIA, 'our name in Via; none'),
  section('tls', 'servers', upstream.UPSTREAM_TLS, 'TLS to servers'),
  section('health', 'servers', upstream.HEALTH, 'how servers are checked; not at all'),
  section('stallCheck', 'servers', upstream.STALL_CHECK, 'one that falls silent is asked for a sign of life; true'),
  section('loadReports', 'servers', upstream.LOAD_REPORTS, 'load reports of servers: use, ask, pass or off; use'),
  section('register', 'instance', REGISTER, 'where this instance makes itself known to others, in etcd; nowhere'),
  section('notify', 'instance', NOTIFY, 'who hears of incidents: webhooks, Slack, PagerDuty, Alertmanager'),
  section('onIncident', 'instance', ON_INCIDENT, 'a function that is called with every change of an incident'),
]);

/** Rows of the table of options that may be an object, too. */
const STRUCTURED: ReadonlyMap<string, Field<unknown>> = new Map<string, Field<unknown>>([
  ['admin', ADMIN],
  ['accessLog', ACCESS_LOG],
  ['canary', CANARY],
]);

/** What may stand at the top, in an app or in a pool of servers. */
export function knownKeys(place: 'instance' | 'apps' | 'pools'): string[] {
  const all = place === 'instance' ? ['apps', 'pools', '$schema'] : [];
  return [...specsOf(place).map(({ key }) => key), ...all];
}

/** Options and sections that may stand in one place. */
export function specsOf(place: 'instance' | 'apps' | 'pools'): (Omit<Section, 'scope'> & { default?: string })[] {
  const scopes: readonly string[] = {
    instance: ['instance', 'pool', 'app', 'servers'],
    apps: ['pool', 'app'],
    pools: ['pool', 'servers'],
  }[place];
  const options = OPTIONS.map(({ key, scope, meaning, default: byDefault, ...spec }) => ({
    key,
    scope,
    meaning,
    field: STRUCTURED.get(key) ?? fieldOf({ key, scope, meaning, default: byDefault, ...spec }),
    ...(byDefault === null ? {} : { default: byDefault }),
  }));
  return [...options, ...SECTIONS].filter(({ scope }) => scopes.includes(scope));
}

function section(key: string, scope: Section['scope'], one: Field<unknown>, meaning: string): Section {
  return Object.freeze({ key, scope, field: one, meaning });
}
