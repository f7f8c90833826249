import { basename, resolve } from 'node:path';
import { readAccessLog } from './access-log.ts';
import { readAdmin } from './admin.ts';
import { type App, packageName, resolveApp } from './app.ts';
import { availableCores } from './available-cores.ts';
import { CANARY } from './canary.ts';
import { childProtocolOf, DEFAULT_PORT } from './child-protocol.ts';
import { readWorkers, type WorkerRange } from './fields.ts';
import { NOTIFY, ON_INCIDENT, resolveNotify, shownNotify } from './notify.ts';
import type {
  AppOptions,
  EvenerOptions,
  ListenAddress,
  PoolOptions,
  ResolvedOptions,
  ServersOptions,
} from './options.ts';
import { OUTLIER, OUTLIER_DEFAULT, OUTLIER_SHOWN, type OutlierRules } from './outlier.ts';
import { REGISTER, type RegisterOptions } from './register.ts';
import { MAX_WORKERS } from './schema.ts';
import { APP, APP_EXPECTED, ARGS, CWD, ENVIRONMENT, knownKeys, LISTEN, LISTEN_EXPECTED, ROUTES } from './sections.ts';
import { invalid, type Layer, type Origin, refuseUnknownKeys, Settings } from './settings.ts';
import type { SourceAddress } from './source.ts';
import { type KeySource, STICKY_AUTO } from './sticky.ts';
import { BOUND, FIRST_ROOM, KEY_SOURCE, STICKY, shownSticky, ZONE } from './sticky-fields.ts';
import { readUpstream, SERVERS, SERVERS_EXPECTED, type SourceOptions, TRUSTED_PROXIES } from './upstream.ts';

/** Options from one place, the more particular first: the command line, then a config file. */
export interface OptionSource {
  /** For people: `command line`, `evener.config.ts`. */
  readonly source: string;
  readonly options: EvenerOptions;
  /** What its relative paths are relative to. */
  readonly folder: string;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `auto` stands for. */
  readonly cores: () => number;
  /** The config file, for the record. */
  readonly file: string | null;
}

/**
 * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_APP_NOT_FOUND or EVENER_USAGE
 */
export function resolveOptions(options: EvenerOptions, cores: () => number = availableCores): ResolvedOptions {
  const source = { source: 'options', options, folder: resolve('.') };
  return resolveSources([source], { env: process.env, cores, file: null });
}

/** The same from several places. */
export function resolveSources(sources: readonly OptionSource[], surroundings: Surroundings): ResolvedOptions {
  const layers = sources.map(({ source, options }) => ({ source, prefix: '', values: { ...options } }));
  for (const layer of layers) refuseUnknownKeys(layer, knownKeys('instance'));
  const origins: Origin[] = [];
  const top = new Settings(layers, '', origins);
  const resolver = new Resolver(sources, layers, surroundings, origins);
  const apps = resolver.apps();
  const pools = resolver.pools();
  if (apps.length + pools.length === 0) {
    throw invalid('app', undefined, 'a script, or a command with its arguments (or apps, or pools of servers)');
  }
  refuseSameNames(apps, pools);
  const name = top.option<string | null>('name');
  return Object.freeze({
    name: name ?? (apps.length > 0 ? nameOf(apps[0]!.app) : pools[0]!.name),
    threads: top.option<number>('threads'),
    maxConnections: top.option<number | null>('maxConnections'),
    maxConnectionsPerAddress: top.option<number>('maxConnectionsPerAddress'),
    exitOnCrashLoop: top.option<boolean | null>('exitOnCrashLoop') ?? false,
    watch: top.option<boolean | null>('watch') ?? false,
    admin: readAdmin(top, surroundings.env),
    accessLog: readAccessLog(top, folderOf(sources, 'accessLog')),
    register: Object.freeze(readRegister(top, sources)),
    notify: resolveNotify(top.read('notify', NOTIFY, undefined, null, shownNotify), surroundings.env),
    onIncident: top.read('onIncident', ON_INCIDENT, null, null, () => 'a function'),
    apps: Object.freeze(apps),
    pools: Object.freeze(pools),
    file: surroundings.file,
    origins,
  });
}

/** Everything is counted, and told of, by the name of its app or pool. */
function refuseSameNames(apps: readonly AppOptions[], pools: readonly ServersOptions[]): void {
  const names = new Set(apps.map(({ name }) => name));
  for (const { name } of pools) {
    if (names.has(name)) throw invalid(`pools.${name}`, name, 'a name that no app, and no other pool, has');
    names.add(name);
  }
}

/** Of the source that a key is taken from. */
function folderOf(sources: readonly OptionSource[], key: keyof EvenerOptions): string {
  return (sources.find(({ options }) => options[key] !== undefined) ?? sources[0]!).folder;
}

class Resolver {
  readonly #sources: readonly OptionSource[];
  readonly #layers: readonly Layer[];
  readonly #surroundings: Surroundings;
  readonly #origins: Origin[];

  constructor(
    sources: readonly OptionSource[],
    layers: readonly Layer[],
    surroundings: Surroundings,
    origins: Origin[],
  ) {
    this.#sources = sources;
    this.#layers = layers;
    this.#surroundings = surroundings;
    this.#origins = origins;
  }

  apps(): AppOptions[] {
    const single = this.#layers.find(({ values }) => values.app !== undefined);
    const several = this.#layers.find(({ values }) => values.apps !== undefined);
    if (several === undefined) return single === undefined ? [] : [this.#app(this.#givenName, null)];
    if (single !== undefined)
      throw invalid('app', single.values.app, 'nothing where there are apps; give it a place among them');
    const entries = entriesOf(several, 'apps');
    return Object.keys(entries).map((name) => this.#app(name, this.#entryLayer(several, 'apps', name, entries)));
  }

  /** An app that is alone has the name of the instance. */
  get #givenName(): string | null {
    const name = this.#layers.find(({ values }) => values.name !== undefined)?.values.name;
    return typeof name === 'string' ? name : null;
  }

  pools(): ServersOptions[] {
    const single = this.#layers.find(({ values }) => values.servers !== undefined);
    const several = this.#layers.find(({ values }) => values.pools !== undefined);
    const pools = several === undefined ? {} : entriesOf(several, 'pools');
    const resolved = Object.keys(pools).map((name) =>
      this.#servers(name, this.#entryLayer(several!, 'pools', name, pools)),
    );
    return single === undefined ? resolved : [this.#servers('servers', null), ...resolved];
  }

  /** The layers that speak about one entry: the command line's, its own, then the tops of the rest. */
  #settings(entry: Layer | null): Settings {
    if (entry === null) return new Settings(this.#layers, '', this.#origins);
    const at = this.#layers.findIndex((layer) => layer.source === entry.source);
    const layers = [...this.#layers.slice(0, at), entry, ...this.#layers.slice(at)];
    return new Settings(layers, entry.prefix, this.#origins);
  }

  #entryLayer(layer: Layer, key: 'apps' | 'pools', name: string, entries: Record<string, object>): Layer {
    const own = {
      source: layer.source,
      prefix: `${key}.${name}.`,
      values: { ...entries[name] } as Record<string, unknown>,
    };
    refuseUnknownKeys(own, knownKeys(key));
    return own;
  }

  #app(name: string | null, entry: Layer | null): AppOptions {
    const settings = this.#settings(entry);
    const owner = entry ?? this.#layers.find(({ values }) => values.app !== undefined)!;
    const { folder } = this.#sources.find(({ source }) => source === owner.source)!;
    const env = this.#env(settings, entry);
    const words = settings.read('app', APP, [], null);
    if (words.length === 0) throw invalid(`${owner.prefix}app`, undefined, APP_EXPECTED);
    const cwd = resolve(folder, settings.read('cwd', CWD, folder));
    const args = settings.read('args', ARGS, null);
    const maxMemory = settings.option<number | null>('maxMemory');
    const app = resolveApp({ words, args, cwd, path: env.PATH ?? '' });
    return Object.freeze({
      ...pool(name ?? nameOf(app), settings),
      app,
      env,
      workers: this.#workers(settings, env),
      ...childOf(app, settings, env),
      standby: settings.option<number>('standby'),
      quarantineMs: settings.option<number>('quarantine'),
      hangLimitMs: settings.option<number>('hangLimit'),
      bootTimeoutMs: settings.option<number>('bootTimeout'),
      maxMemoryBytes: maxMemory === 0 ? null : maxMemory,
      maxAgeMs: settings.option<number>('maxAge'),
      maxRequests: settings.option<number>('maxRequests'),
      ready: settings.option<'listen' | 'message'>('ready'),
      healthPath: settings.option<string | null>('healthPath'),
      parallel: settings.option<number>('parallel'),
      canary: settings.read('canary', CANARY, null, 'off'),
      nodeArgs: settings.option<readonly string[] | null>('nodeArgs') ?? [],
    });
  }

  #servers(name: string, entry: Layer | null): ServersOptions {
    const settings = this.#settings(entry);
    const prefix = entry?.prefix ?? '';
    const places = settings.read('servers', SERVERS, []);
    if (places.length === 0) {
      throw invalid(`${prefix}servers`, undefined, SERVERS_EXPECTED);
    }
    const listen = settings.read('listen', LISTEN, null, null) ?? this.#listenFromPort(settings);
    if (listen === null) {
      const here = entry === null ? ', by --port, listen or PORT' : '';
      throw invalid(`${prefix}listen`, undefined, `${LISTEN_EXPECTED}${here}`);
    }
    const owner = entry ?? this.#layers.find(({ values }) => values.servers !== undefined)!;
    const { folder } = this.#sources.find(({ source }) => source === owner.source)!;
    return Object.freeze({
      ...pool(name, settings),
      servers: Object.freeze(places.filter((one) => !('address' in one))),
      sources: Object.freeze(places.filter((one) => 'address' in one).map((one) => foundIn(one, folder))),
      listen,
      upstream: readUpstream(settings, folder, prefix),
    });
  }

  /** `evener proxy` says where to listen by `--port`, else by PORT and HOST. */
  #listenFromPort(settings: Settings): ListenAddress | null {
    const { env } = this.#surroundings;
    const host = env.HOST === undefined || env.HOST === '' ? null : env.HOST;
    const port = settings.option<number | null>('port') ?? (env.PORT ? Number(env.PORT) : null);
    if (port === null) return null;
    if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      throw invalid('PORT', env.PORT, 'a whole number, 0-65535');
    }
    return { host, port, path: null };
  }

  /** A library's caller gives the whole environment; a config file adds to ours. */
  #env(settings: Settings, entry: Layer | null): Readonly<Record<string, string | undefined>> {
    const names = (value: unknown): unknown =>
      typeof value === 'object' && value !== null ? Object.keys(value) : value;
    const given = settings.read('env', ENVIRONMENT, null, null, names);
    const layer = entry ?? this.#layers.find(({ values }) => values.env !== undefined);
    if (given === null) return this.#surroundings.env;
    return layer?.source === 'options' ? given : { ...this.#surroundings.env, ...given };
  }

  #workers(settings: Settings, env: AppOptions['env']): AppOptions['workers'] {
    const fromEnvironment = env.WEB_CONCURRENCY;
    if (!settings.has('workers') && fromEnvironment !== undefined && fromEnvironment !== '') {
      // Platforms set a number here; a range is ours alone.
      const range = fromEnvironment.includes('-') ? undefined : readWorkers(fromEnvironment);
      if (range === undefined) throw invalid('WEB_CONCURRENCY', fromEnvironment, `1-${MAX_WORKERS} or 'auto'`);
      settings.note('workers', fromEnvironment, 'WEB_CONCURRENCY');
      return this.#counted(range);
    }
    return this.#counted(settings.option<WorkerRange>('workers'));
  }

  #counted({ min, max }: WorkerRange): AppOptions['workers'] {
    const cores = (): number => Math.min(MAX_WORKERS, this.#surroundings.cores());
    const least = min === 'auto' ? cores() : min;
    return Object.freeze({ min: least, max: max === 'auto' ? Math.max(least, cores()) : max });
  }
}

/** How workers are reached, and where clients reach them. */
function childOf(
  app: App,
  settings: Settings,
  env: AppOptions['env'],
): Pick<AppOptions, 'port' | 'protocol' | 'childAddress'> {
  const port = settings.option<number | null>('port');
  const fromEnvironment = env.PORT !== undefined && /^\d{1,5}$/.test(env.PORT) ? Number(env.PORT) : null;
  const known = port ?? fromEnvironment;
  const protocol = childProtocolOf(app, settings.option<'auto' | 'link' | 'http'>('protocol'), known !== null);
  return {
    // A Node app asks for its port itself, by the environment or not.
    port: protocol === 'link' ? port : (known ?? DEFAULT_PORT),
    protocol,
    childAddress: settings.option<'port' | 'socket'>('childAddress'),
  };
}

function foundIn(source: SourceOptions, folder: string): SourceOptions {
  return { ...source, address: inFolder(source.address, folder) };
}

function readRegister(top: Settings, sources: readonly OptionSource[]): RegisterOptions[] {
  const folder = folderOf(sources, 'register');
  const entries = top.read('register', REGISTER, [], null);
  return entries.map((entry) => ({ ...entry, address: inFolder(entry.address, folder) }));
}

/** Files that a source names are relative to the config file. */
function inFolder<T extends SourceAddress>(address: T, folder: string): T {
  const whole = (path: string | null): string | null => (path === null ? null : resolve(folder, path));
  switch (address.kind) {
    case 'file':
      return { ...address, path: resolve(folder, address.path) };
    case 'etcd':
      return { ...address, ca: whole(address.ca), cert: whole(address.cert), key: whole(address.key) };
    case 'kubernetes':
      return { ...address, kubeconfig: whole(address.kubeconfig) };
    default:
      return address;
  }
}

function pool(name: string, settings: Settings): PoolOptions {
  return {
    name,
    policy: settings.option<string>('policy'),
    trustedProxies: settings.read('trustedProxies', TRUSTED_PROXIES, []),
    hashKey: settings.read<KeySource>('hashKey', KEY_SOURCE, { from: 'address' }, 'address'),
    hashBound: settings.read('hashBound', BOUND, 1.25),
    firstRoom: settings.read('firstRoom', FIRST_ROOM, 16),
    slowStartMs: settings.option<number>('slowStart'),
    maxConcurrency: settings.option<number>('maxConcurrency'),
    outlier: settings.read<OutlierRules | null>('outlier', OUTLIER, OUTLIER_DEFAULT, OUTLIER_SHOWN),
    zone: settings.read('zone', ZONE, '', null),
    sticky: settings.read('sticky', STICKY, STICKY_AUTO, 'auto', shownSticky),
    queueLimit: settings.option<number>('queueLimit'),
    queueTimeoutMs: settings.option<number>('queueTimeout'),
    headerTimeoutMs: settings.option<number | null>('headerTimeout'),
    bodyTimeoutMs: settings.option<number | null>('bodyTimeout'),
    keepAliveTimeoutMs: settings.option<number | null>('keepAliveTimeout'),
    responseTimeoutMs: settings.option<number>('responseTimeout'),
    hedgeMs: settings.option<number>('hedge'),
    reportLoad: settings.option<PoolOptions['reportLoad']>('reportLoad'),
    drainLimitMs: settings.option<number>('drainLimit'),
    routes: settings.read('route', ROUTES, [], null),
  };
}

function entriesOf(layer: Layer, key: 'apps' | 'pools'): Record<string, object> {
  const entries = layer.values[key];
  const expected = `an object with a name for each, such as { api: { ... } }`;
  if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) throw invalid(key, entries, expected);
  for (const [name, entry] of Object.entries(entries)) {
    if (!/^[\w.@-]{1,100}$/.test(name))
      throw invalid(`${key}.${name}`, name, 'a name of up to 100 letters, digits, and . _ - @');
    if (typeof entry !== 'object' || entry === null) throw invalid(`${key}.${name}`, entry, 'an object');
  }
  return entries as Record<string, object>;
}

function nameOf(app: App): string {
  return packageName(app.cwd) ?? basename(app.file).replace(/\.[cm]?[jt]s$/, '');
}
