/**
 * Every option there is: key, flag, default, unit, bounds, meaning. Parsing, `--help`, the docs and the JSON schema are
 * made from this table or tested against it; no default stands anywhere else.
 */

/** How an option's value is read. */
export type OptionKind =
  | 'workers'
  | 'integer'
  | 'duration'
  | 'size'
  | 'text'
  | 'path'
  | 'choice'
  | 'flag'
  | 'list'
  | 'admin'
  | 'log'
  | 'canary';

/**
 * What an option is about: the whole instance, every pool (apps and pools of servers alike), or apps only. Options about
 * pools and apps may stand at the top of a config file, too, and are then the default of each.
 */
export type OptionScope = 'instance' | 'pool' | 'app';

export interface OptionSpec {
  /** Name in a config file and in the library's options. */
  readonly key: OptionKey;
  /** Name on the command line, without the dashes; null where there is none. */
  readonly flag: string | null;
  /** One-letter form, or null. */
  readonly short: string | null;
  readonly kind: OptionKind;
  readonly scope: OptionScope;
  /** What stands after the flag in `--help`; empty for a flag. */
  readonly placeholder: string;
  /** As a user would write it; null = unset, with what that means in {@link unset}. */
  readonly default: string | null;
  /** What happens where {@link default} is null. */
  readonly unset: string;
  /** Bounds, both included, in the unit that the value is kept in (count, ms or bytes). */
  readonly min: number;
  readonly max: number;
  /** True where `0` and `off` switch it off. */
  readonly canBeOff: boolean;
  /** The only values, for a choice. */
  readonly choices: readonly string[];
  /** One line. */
  readonly meaning: string;
}

export type OptionKey =
  | 'workers'
  | 'port'
  | 'name'
  | 'threads'
  | 'policy'
  | 'slowStart'
  | 'maxConcurrency'
  | 'queueLimit'
  | 'queueTimeout'
  | 'standby'
  | 'quarantine'
  | 'hangLimit'
  | 'bootTimeout'
  | 'headerTimeout'
  | 'bodyTimeout'
  | 'keepAliveTimeout'
  | 'responseTimeout'
  | 'hedge'
  | 'reportLoad'
  | 'drainLimit'
  | 'maxMemory'
  | 'maxAge'
  | 'maxRequests'
  | 'exitOnCrashLoop'
  | 'nodeArgs'
  | 'ready'
  | 'healthPath'
  | 'parallel'
  | 'canary'
  | 'protocol'
  | 'childAddress'
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'watch'
  | 'admin'
  | 'accessLog';

/** More would exhaust descriptors and memory long before it would be of use. */
export const MAX_WORKERS = 512;
/** A day: longer is a slip of the pen, and timers end at 2^31 ms. */
const MAX_DURATION_MS = 86_400_000;

export const OPTIONS: readonly OptionSpec[] = Object.freeze([
  option('app', 'workers', 'workers', 'workers', '<n|auto|min-max>', 'auto', 'worker processes; auto = cores at hand', {
    short: 'w',
    min: 1,
    max: MAX_WORKERS,
  }),
  option('app', 'port', 'port', 'integer', '<n>', null, "replaces the port of the app's first listen", {
    short: 'p',
    unset: 'the app decides',
    max: 65_535,
  }),
  option('instance', 'name', 'name', 'text', '<name>', null, 'name of this instance', {
    unset: 'package.json name, else the script',
  }),
  option('instance', 'threads', 'threads', 'integer', '<n>', '1', 'balancer threads', { min: 1, max: 64 }),
  option('pool', 'policy', 'policy', 'choice', '<name>', 'least-inflight', 'how a worker is chosen for a request', {
    choices: ['least-inflight', 'round-robin', 'random-two', 'peak-ewma', 'prequal', 'hash', 'maglev', 'first'],
  }),
  option('pool', 'slowStart', null, 'duration', '', 'off', 'time in which the weight of a newcomer grows', {
    canBeOff: true,
  }),
  option(
    'pool',
    'maxConcurrency',
    'max-concurrency',
    'integer',
    '<n>',
    'off',
    'requests that one worker or server gets at a time; others wait',
    { min: 1, max: 1_000_000, canBeOff: true },
  ),
  option(
    'pool',
    'queueLimit',
    'queue-limit',
    'integer',
    '<n>',
    '1000',
    'requests that may wait for a worker; then 503',
    {
      max: 1_000_000,
    },
  ),
  option('pool', 'queueTimeout', 'queue-timeout', 'duration', '<dur>', '10s', 'longest wait for a worker; then 503', {
    canBeOff: true,
  }),
  option('app', 'standby', null, 'integer', '', '0', 'workers booted ahead; one takes the place of one that dies', {
    max: 16,
  }),
  option('app', 'hangLimit', 'hang-limit', 'duration', '<dur>', '10s', 'a worker silent for longer is replaced', {
    canBeOff: true,
  }),
  option(
    'app',
    'quarantine',
    null,
    'duration',
    '',
    '60s',
    'how long a request that two workers died of is answered with 503',
    {
      canBeOff: true,
    },
  ),
  option('app', 'bootTimeout', 'boot-timeout', 'duration', '<dur>', '30s', 'longest time from fork to listening', {
    canBeOff: true,
  }),
  option(
    'pool',
    'headerTimeout',
    'header-timeout',
    'duration',
    '<dur>',
    null,
    'longest wait for a request head; then 408',
    {
      unset: "the app's own headersTimeout",
      canBeOff: true,
    },
  ),
  option(
    'pool',
    'bodyTimeout',
    'body-timeout',
    'duration',
    '<dur>',
    null,
    'longest silence in a request body; then 408',
    {
      unset: 'off; 60s for what is not Node',
      canBeOff: true,
    },
  ),
  option(
    'pool',
    'keepAliveTimeout',
    'keep-alive-timeout',
    'duration',
    '<dur>',
    null,
    "longest rest of a client's idle connection",
    {
      unset: "the app's own keepAliveTimeout",
      canBeOff: true,
    },
  ),
  option(
    'pool',
    'responseTimeout',
    'response-timeout',
    'duration',
    '<dur>',
    'off',
    'longest wait for a response head; then 504',
    { canBeOff: true },
  ),
  option(
    'pool',
    'hedge',
    null,
    'duration',
    '',
    'off',
    'a GET waiting so long at a worker that does not answer is run elsewhere too',
    {
      canBeOff: true,
    },
  ),
  option(
    'pool',
    'reportLoad',
    null,
    'choice',
    '',
    'off',
    'tell clients in endpoint-load-metrics how busy the pool is',
    {
      choices: ['off', 'asked', 'always'],
    },
  ),
  option('pool', 'drainLimit', 'drain-limit', 'duration', '<dur>', '25s', 'longest wait at the end for work in flight'),
  option('app', 'maxMemory', 'max-memory', 'size', '<size>', null, 'a worker larger than this is replaced', {
    unset: 'no limit',
    min: 16 * 1024 * 1024,
    canBeOff: true,
  }),
  option('app', 'maxAge', null, 'duration', '', 'off', 'a worker older than this, give or take 10 %, is replaced', {
    canBeOff: true,
  }),
  option(
    'app',
    'maxRequests',
    null,
    'integer',
    '',
    'off',
    'a worker that has served so many, give or take 10 %, is replaced',
    {
      min: 1,
      max: 999_999_999,
      canBeOff: true,
    },
  ),
  option(
    'instance',
    'exitOnCrashLoop',
    'exit-on-crash-loop',
    'flag',
    '',
    null,
    'exit 1 when no worker starts any more',
    {
      unset: 'keep trying, answer 503',
    },
  ),
  option(
    'instance',
    'maxConnections',
    'max-connections',
    'integer',
    '<n>',
    null,
    'client connections; then idle ones are closed, then 503',
    { min: 1, max: 10_000_000, unset: 'by open files' },
  ),
  option(
    'instance',
    'maxConnectionsPerAddress',
    null,
    'integer',
    '',
    'off',
    'client connections at a time from one address; then 503',
    { min: 1, max: 10_000_000, canBeOff: true },
  ),
  option('instance', 'watch', 'watch', 'flag', '', null, 'reload when a file of the app has changed', {
    unset: 'reload when told to',
  }),
  option(
    'app',
    'ready',
    null,
    'choice',
    '',
    'listen',
    "what makes a worker ready: its first listen, or process.send('ready')",
    {
      choices: ['listen', 'message'],
    },
  ),
  option(
    'app',
    'healthPath',
    null,
    'path',
    '',
    null,
    'a new worker gets requests once it answers GET here with 2xx or 3xx',
    {
      unset: 'none is asked for',
    },
  ),
  option('app', 'parallel', null, 'integer', '', '1', 'workers that a reload replaces at a time', {
    min: 1,
    max: MAX_WORKERS,
  }),
  option(
    'app',
    'canary',
    null,
    'canary',
    '',
    'off',
    'requests that a reload tries out the first new worker with, before it goes on',
  ),
  option(
    'app',
    'protocol',
    null,
    'choice',
    '',
    'auto',
    'how workers are reached: link (Node), http (any program, on a PORT of its own); auto looks at the command',
    { choices: ['auto', 'link', 'http'] },
  ),
  option(
    'app',
    'childAddress',
    null,
    'choice',
    '',
    'port',
    'where a worker of protocol http listens: PORT, or SOCKET',
    {
      choices: ['port', 'socket'],
    },
  ),
  option('instance', 'admin', 'admin', 'admin', '<[host:]port>', null, 'metrics, control API and dashboard', {
    unset: 'off',
  }),
  option(
    'instance',
    'accessLog',
    'access-log',
    'log',
    '[file]',
    null,
    'a line for each request; without a file, stdout',
    {
      unset: 'off',
    },
  ),
  option('app', 'nodeArgs', null, 'list', '', null, 'flags for the Node that runs a script', { unset: 'none' }),
]);

export function optionOf(key: OptionKey): OptionSpec {
  return OPTIONS.find((spec) => spec.key === key)!;
}

/** What an option allows, in words. */
export function expectation(spec: OptionSpec): string {
  const off = spec.canBeOff ? ", or 'off'" : '';
  switch (spec.kind) {
    case 'workers':
      return `${spec.min}-${spec.max}, a range such as '2-8' or 'auto'`;
    case 'integer':
      return `a whole number, ${spec.min}-${spec.max}${off}`;
    case 'duration':
      return `a duration such as '10s', '500ms' or '2m', at most 24h${off}`;
    case 'size':
      return `a size such as '512MB' or '1GiB', at least 16MiB${off}`;
    case 'choice':
      return `one of: ${spec.choices.join(', ')}`;
    case 'text':
      return 'up to 100 letters, digits, and . _ - @ /';
    case 'path':
      return "a path that begins with '/', up to 1,000 characters";
    case 'flag':
      return 'true or false';
    case 'list':
      return 'a list of texts';
    case 'admin':
      return "a port, 'host:port', or { listen, token }";
    case 'log':
      return 'a file, true, or { file, format, maxSize, keep, query, requestId }';
    case 'canary':
      return "a share of up to '50%', such as '10%', { share, for }, or 'off'";
  }
}

function option(
  scope: OptionScope,
  key: OptionKey,
  flag: string | null,
  kind: OptionKind,
  placeholder: string,
  value: string | null,
  meaning: string,
  more: Partial<OptionSpec> = {},
): OptionSpec {
  return Object.freeze({
    scope,
    key,
    flag,
    kind,
    placeholder,
    default: value,
    meaning,
    short: null,
    unset: '',
    min: 0,
    max: kind === 'duration' ? MAX_DURATION_MS : Number.MAX_SAFE_INTEGER,
    canBeOff: false,
    choices: [],
    ...more,
  });
}
