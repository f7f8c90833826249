/**
 * Every option there is: key, flag, default, unit, bounds, meaning. Parsing, `--help` and the docs are made from this
 * table or tested against it; no default stands anywhere else.
 */

/** How an option's text is read. */
export type OptionKind = 'workers' | 'integer' | 'duration' | 'size' | 'text' | 'choice' | 'flag';

export interface OptionSpec {
  /** Name in a config file and in the library's options. */
  readonly key: OptionKey;
  /** Name on the command line, without the dashes. */
  readonly flag: string;
  /** One-letter form, or null. */
  readonly short: string | null;
  readonly kind: OptionKind;
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
  | 'queueLimit'
  | 'queueTimeout'
  | 'hangLimit'
  | 'bootTimeout'
  | 'headerTimeout'
  | 'responseTimeout'
  | 'drainLimit'
  | 'maxMemory'
  | 'exitOnCrashLoop';

/** More would exhaust descriptors and memory long before it would be of use. */
export const MAX_WORKERS = 512;
/** A day: longer is a slip of the pen, and timers end at 2^31 ms. */
const MAX_DURATION_MS = 86_400_000;

export const OPTIONS: readonly OptionSpec[] = Object.freeze([
  option('workers', 'workers', 'workers', '<n|auto|min-max>', 'auto', 'worker processes; auto = cores at hand', {
    short: 'w',
    min: 1,
    max: MAX_WORKERS,
  }),
  option('port', 'port', 'integer', '<n>', null, "replaces the port of the app's first listen", {
    short: 'p',
    unset: 'the app decides',
    max: 65_535,
  }),
  option('name', 'name', 'text', '<name>', null, 'name of this app', { unset: 'package.json name, else the script' }),
  option('threads', 'threads', 'integer', '<n>', '1', 'balancer threads', { min: 1, max: 64 }),
  option('policy', 'policy', 'choice', '<name>', 'least-inflight', 'how a worker is chosen for a request', {
    choices: ['least-inflight'],
  }),
  option('queueLimit', 'queue-limit', 'integer', '<n>', '1000', 'requests that may wait for a worker; then 503', {
    max: 1_000_000,
  }),
  option('queueTimeout', 'queue-timeout', 'duration', '<dur>', '10s', 'longest wait for a worker; then 503', {
    canBeOff: true,
  }),
  option('hangLimit', 'hang-limit', 'duration', '<dur>', '10s', 'a worker silent for longer is replaced', {
    canBeOff: true,
  }),
  option('bootTimeout', 'boot-timeout', 'duration', '<dur>', '30s', 'longest time from fork to listening', {
    canBeOff: true,
  }),
  option('headerTimeout', 'header-timeout', 'duration', '<dur>', null, 'longest wait for a request head; then 408', {
    unset: "the app's own headersTimeout",
    canBeOff: true,
  }),
  option(
    'responseTimeout',
    'response-timeout',
    'duration',
    '<dur>',
    'off',
    'longest wait for a response head; then 504',
    {
      canBeOff: true,
    },
  ),
  option('drainLimit', 'drain-limit', 'duration', '<dur>', '25s', 'longest wait at the end for work in flight'),
  option('maxMemory', 'max-memory', 'size', '<size>', null, 'a worker larger than this is replaced', {
    unset: 'no limit',
    min: 16 * 1024 * 1024,
    canBeOff: true,
  }),
  option('exitOnCrashLoop', 'exit-on-crash-loop', 'flag', '', null, 'exit 1 when no worker starts any more', {
    unset: 'keep trying, answer 503',
  }),
]);

export function optionOf(key: OptionKey): OptionSpec {
  return OPTIONS.find((spec) => spec.key === key)!;
}

function option(
  key: OptionKey,
  flag: string,
  kind: OptionKind,
  placeholder: string,
  value: string | null,
  meaning: string,
  more: Partial<OptionSpec> = {},
): OptionSpec {
  return Object.freeze({
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
