import { basename, resolve } from 'node:path';
import { EvenerError } from '../core/evener-error.ts';
import { nearestName } from '../core/nearest-name.ts';
import { type App, packageName, resolveApp } from './app.ts';
import { availableCores } from './available-cores.ts';
import { parseDuration, parseSize } from './quantities.ts';
import { MAX_WORKERS, OPTIONS, type OptionKey, type OptionSpec, optionOf } from './schema.ts';

/** Options as a user writes them. Durations `'10s'` or ms; sizes `'512MB'` or bytes; `'off'` where the table allows it. */
export interface EvenerOptions {
  /** A script (`'server.js'`), or a command with its arguments (`['npm', 'start']`). */
  readonly app: string | readonly string[];
  /** Arguments for the app. */
  readonly args?: readonly string[];
  /** Where to look for the app and to run it. Default: the current folder. */
  readonly cwd?: string;
  /** What the workers inherit. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly workers?: number | string;
  readonly port?: number | string;
  readonly name?: string;
  readonly threads?: number | string;
  readonly policy?: string;
  readonly queueLimit?: number | string;
  readonly queueTimeout?: number | string;
  readonly hangLimit?: number | string;
  readonly bootTimeout?: number | string;
  readonly headerTimeout?: number | string;
  readonly responseTimeout?: number | string;
  readonly drainLimit?: number | string;
  readonly maxMemory?: number | string;
  readonly exitOnCrashLoop?: boolean;
}

/** Options as the programs use them: parsed, checked, complete, frozen. */
export interface ResolvedOptions {
  readonly app: App;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly name: string;
  /** How many workers; equal unless a range was given. 1-512. */
  readonly workers: { readonly min: number; readonly max: number };
  /** null = the app decides; 0 = any free one. */
  readonly port: number | null;
  readonly threads: number;
  readonly policy: string;
  readonly queueLimit: number;
  /** 0 = no limit. */
  readonly queueTimeoutMs: number;
  /** 0 = a silent worker is never replaced. */
  readonly hangLimitMs: number;
  /** 0 = no limit. */
  readonly bootTimeoutMs: number;
  /** null = the app's own `headersTimeout`; 0 = no limit. */
  readonly headerTimeoutMs: number | null;
  /** 0 = no limit. */
  readonly responseTimeoutMs: number;
  /** From the signal to SIGKILL. */
  readonly drainLimitMs: number;
  /** null = no limit. */
  readonly maxMemoryBytes: number | null;
  readonly exitOnCrashLoop: boolean;
}

const OTHER_KEYS = ['app', 'args', 'cwd', 'env'];

/** Gives a config file's object its type. */
export function defineConfig(options: EvenerOptions): EvenerOptions {
  return options;
}

/**
 * @param cores what `auto` stands for
 * @throws EvenerError EVENER_CONFIG_INVALID, EVENER_APP_NOT_FOUND or EVENER_USAGE
 */
export function resolveOptions(options: EvenerOptions, cores: () => number = availableCores): ResolvedOptions {
  refuseUnknownKeys(options);
  const env = options.env ?? process.env;
  const read = (key: OptionKey): string | null => textOf(options, optionOf(key));
  const resolved = {
    env,
    workers: workersFrom(read('workers'), options, env, cores),
    port: nullable(read('port'), (text) => integer(optionOf('port'), text)),
    threads: integer(optionOf('threads'), read('threads')!),
    policy: choice(optionOf('policy'), read('policy')!),
    queueLimit: integer(optionOf('queueLimit'), read('queueLimit')!),
    queueTimeoutMs: duration(optionOf('queueTimeout'), read('queueTimeout')!),
    hangLimitMs: duration(optionOf('hangLimit'), read('hangLimit')!),
    bootTimeoutMs: duration(optionOf('bootTimeout'), read('bootTimeout')!),
    headerTimeoutMs: nullable(read('headerTimeout'), (text) => duration(optionOf('headerTimeout'), text)),
    responseTimeoutMs: duration(optionOf('responseTimeout'), read('responseTimeout')!),
    drainLimitMs: duration(optionOf('drainLimit'), read('drainLimit')!),
    maxMemoryBytes: nullable(read('maxMemory'), (text) => size(optionOf('maxMemory'), text) || null),
    exitOnCrashLoop: flag(optionOf('exitOnCrashLoop'), options.exitOnCrashLoop),
  };
  const app = appFrom(options, env);
  return Object.freeze({ ...resolved, app, name: nameFrom(read('name'), app) });
}

function refuseUnknownKeys(options: EvenerOptions): void {
  const known = [...OPTIONS.map((spec) => spec.key), ...OTHER_KEYS];
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = nearestName(key, known);
    const hint = near === null ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
    throw new EvenerError('EVENER_CONFIG_INVALID', `unknown option ${key}: ${hint}`, { key });
  }
}

/** The option's text: given, else its default; null where that is null. */
function textOf(options: EvenerOptions, spec: OptionSpec): string | null {
  const value: unknown = options[spec.key];
  if (value === undefined) return spec.default;
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw invalid(spec.key, value, expectation(spec));
}

function workersFrom(
  text: string | null,
  options: EvenerOptions,
  env: EvenerOptions['env'] & object,
  cores: () => number,
): ResolvedOptions['workers'] {
  const fromEnvironment = env.WEB_CONCURRENCY;
  if (options.workers !== undefined || fromEnvironment === undefined || fromEnvironment === '') {
    return workers(optionOf('workers').key, text!, cores);
  }
  // Platforms set a number here; a range is ours alone.
  if (fromEnvironment.includes('-')) throw invalid('WEB_CONCURRENCY', fromEnvironment, `1-${MAX_WORKERS} or 'auto'`);
  return workers('WEB_CONCURRENCY', fromEnvironment, cores);
}

function workers(key: string, text: string, cores: () => number): ResolvedOptions['workers'] {
  if (text === 'auto') {
    const count = Math.min(MAX_WORKERS, cores());
    return Object.freeze({ min: count, max: count });
  }
  const match = /^(\d{1,6})(?:-(\d{1,6}|auto))?$/.exec(text);
  const min = Number(match?.[1]);
  const max = match?.[2] === undefined ? min : match[2] === 'auto' ? Math.max(min, cores()) : Number(match[2]);
  if (match === null || min < 1 || max < min || max > MAX_WORKERS) {
    const range = key === 'WEB_CONCURRENCY' ? '' : ", a range such as '2-8'";
    throw invalid(key, text, `1-${MAX_WORKERS}${range} or 'auto'`);
  }
  return Object.freeze({ min, max });
}

function integer(spec: OptionSpec, text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= spec.min && value <= spec.max)) throw invalid(spec.key, text, expectation(spec));
  return value;
}

function duration(spec: OptionSpec, text: string): number {
  return quantity(spec, text, parseDuration);
}

function size(spec: OptionSpec, text: string): number {
  return quantity(spec, text, parseSize);
}

function quantity(spec: OptionSpec, text: string, parse: (text: string) => number | null): number {
  const value = text === 'off' ? 0 : parse(text);
  if (value === 0 && spec.canBeOff) return 0;
  if (value === null || text === 'off' || value < spec.min || value > spec.max) {
    throw invalid(spec.key, text, expectation(spec));
  }
  return value;
}

function choice(spec: OptionSpec, text: string): string {
  if (!spec.choices.includes(text)) throw invalid(spec.key, text, expectation(spec));
  return text;
}

function flag(spec: OptionSpec, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw invalid(spec.key, value, expectation(spec));
  return value;
}

function nullable<T>(text: string | null, parse: (text: string) => T): T | null {
  return text === null ? null : parse(text);
}

function appFrom(options: EvenerOptions, env: NonNullable<EvenerOptions['env']>): App {
  const words = typeof options.app === 'string' ? [options.app] : options.app;
  if (!Array.isArray(words) || words.length === 0 || words.some((word) => typeof word !== 'string' || word === '')) {
    throw invalid('app', options.app, 'a script, or a command with its arguments');
  }
  const cwd = resolve(options.cwd ?? '.');
  return resolveApp({ words, args: options.args ?? [], cwd, path: env.PATH ?? '' });
}

function nameFrom(given: string | null, app: App): string {
  if (given !== null) {
    if (!/^[\w.@/-]{1,100}$/.test(given)) {
      throw invalid('name', given, 'up to 100 letters, digits, and . _ - @ /');
    }
    return given;
  }
  return packageName(app.cwd) ?? basename(app.file).replace(/\.[cm]?[jt]s$/, '');
}

/** What an option allows, in words. */
export function expectation(spec: OptionSpec): string {
  const off = spec.canBeOff ? ", or 'off'" : '';
  switch (spec.kind) {
    case 'workers':
      return `${spec.min}-${spec.max}, a range such as '2-8' or 'auto'`;
    case 'integer':
      return `a whole number, ${spec.min}-${spec.max}`;
    case 'duration':
      return `a duration such as '10s', '500ms' or '2m', at most 24h${off}`;
    case 'size':
      return `a size such as '512MB' or '1GiB', at least 16MiB${off}`;
    case 'choice':
      return `one of: ${spec.choices.join(', ')}`;
    case 'text':
      return 'text';
    case 'flag':
      return 'true or false';
  }
}

function invalid(key: string, value: unknown, expected: string): EvenerError {
  const shown = JSON.stringify(value) ?? String(value);
  return new EvenerError('EVENER_CONFIG_INVALID', `${key}: expected ${expected}, got ${shown}`, {
    key,
    value,
    expected,
  });
}
