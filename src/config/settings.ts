import * as v from 'valibot';
import { EvenerError } from '../core/evener-error.ts';
import { nearestName } from '../core/nearest-name.ts';
import { shownValue } from '../core/shown-value.ts';
import { type Field, fieldOf } from './fields.ts';
import { type OptionKey, optionOf } from './schema.ts';

/** The password in `http://user:password@host`. */
const PASSWORD = /(:\/\/[^\s/@:]*:)[^\s@]*@/g;

/** Values from one place. */
export interface Layer {
  /** For people: `command line`, `evener.config.ts`. */
  readonly source: string;
  /** Before a key in messages: `apps.api.`; empty at the top. */
  readonly prefix: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Where a value came from. */
export interface Origin {
  /** With its app or pool: `apps.api.workers`. */
  readonly key: string;
  /** As written; null = unset. */
  readonly value: unknown;
  /** A layer's source, an environment variable, or `default`. */
  readonly source: string;
}

/** Reads keys from layers, of which the first that has one counts, and notes where each came from. */
export class Settings {
  readonly #layers: readonly Layer[];
  readonly #prefix: string;
  readonly #origins: Origin[];

  /**
   * @param prefix of keys in {@link Origin}
   * @param origins what is read is added here
   */
  constructor(layers: readonly Layer[], prefix: string, origins: Origin[]) {
    this.#layers = layers;
    this.#prefix = prefix;
    this.#origins = origins;
  }

  /** Whether it stands anywhere. */
  has(key: string): boolean {
    return this.#layerOf(key) !== null;
  }

  /**
   * A row of the table of options, or its default.
   * @throws EvenerError EVENER_CONFIG_INVALID
   */
  option<T>(key: OptionKey): T {
    const spec = optionOf(key);
    const field = fieldOf(spec);
    // Every default of the table can be read by its own rule: a test holds it to that.
    const fallback = spec.default === null ? null : v.parse(field, spec.default);
    return this.read(key, field, fallback, spec.default) as T;
  }

  /**
   * @param shown what `evener check` prints for the default
   * @param show what it prints for any other value, where that is not for everybody's eyes
   */
  read<T>(
    key: string,
    field: Field<T>,
    fallback: T,
    shown: unknown = fallback,
    show: (value: unknown) => unknown = (value) => value,
  ): T {
    const layer = this.#layerOf(key);
    if (layer === null) {
      this.note(key, shown, 'default');
      return fallback;
    }
    const value = layer.values[key];
    this.note(key, show(value), layer.source);
    return parsed(field, value, `${layer.prefix}${key}`, layer.source);
  }

  note(key: string, value: unknown, source: string): void {
    this.#origins.push({ key: `${this.#prefix}${key}`, value, source });
  }

  #layerOf(key: string): Layer | null {
    return this.#layers.find((layer) => layer.values[key] !== undefined) ?? null;
  }
}

/** @throws EvenerError EVENER_CONFIG_INVALID, naming the innermost key that is wrong */
export function parsed<T>(field: Field<T>, value: unknown, key: string, source: string): T {
  const result = v.safeParse(field, value);
  if (result.success) return result.output;
  // What seems to be missing may be there under a name that is misspelt.
  const issue = result.issues.find(isUnknownKey) ?? result.issues[0];
  const path = (issue.path ?? []).map((item) => (typeof item.key === 'number' ? `[${item.key}]` : `.${item.key}`));
  const at = `${key}${path.join('')}`;
  if (isUnknownKey(issue)) throw unknownKey(at, issue.message.split(' '), source);
  throw invalid(at, issue.input, issue.type === 'raw_transform' ? issue.message : expectedOf(issue), source);
}

/** @throws EvenerError EVENER_CONFIG_INVALID for the first key that is not known */
export function refuseUnknownKeys(layer: Layer, known: readonly string[]): void {
  for (const key of Object.keys(layer.values)) {
    if (known.includes(key) || layer.values[key] === undefined) continue;
    throw unknownKey(`${layer.prefix}${key}`, known, layer.source);
  }
}

/** @param source a layer's; a config file's is named in the message */
export function invalid(key: string, value: unknown, expected: string, source = ''): EvenerError {
  const told = withoutSecret(key, value);
  const message = `${key}: expected ${expected}, got ${shownValue(told)}${inFile(source)}`;
  return new EvenerError('EVENER_CONFIG_INVALID', message, { key, value: told, expected, source });
}

/** What is almost right is nobody's business either. */
function withoutSecret(key: string, value: unknown): unknown {
  if (/(?:token|secret)$|(?:^|\.)env(?:\.|$)/i.test(key)) return '(hidden)';
  return typeof value === 'string' ? value.replace(PASSWORD, '$1(hidden)@') : value;
}

function unknownKey(path: string, known: readonly string[], source: string): EvenerError {
  const key = path.slice(path.lastIndexOf('.') + 1);
  const near = nearestName(key, known);
  const hint = near === null ? `known are ${known.join(', ')}` : `did you mean ${near}?`;
  return new EvenerError('EVENER_CONFIG_INVALID', `unknown option ${path}${inFile(source)}: ${hint}`, { key: path });
}

function inFile(source: string): string {
  return /\./.test(source) ? ` (in ${source})` : '';
}

function isUnknownKey({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === 'strict_object' && expected === 'never';
}

function expectedOf(issue: v.BaseIssue<unknown>): string {
  const expected = issue.expected ?? 'something else';
  // Of a key that is missing the name alone is known.
  if (issue.type === 'strict_object' && expected.startsWith('"')) return 'a value';
  return expected === 'Object' ? 'an object' : expected === 'Array' ? 'a list' : expected;
}
