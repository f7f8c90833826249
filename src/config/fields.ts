import * as v from 'valibot';
import { parseDuration, parseSize } from './quantities.ts';
import { expectation, MAX_WORKERS, type OptionSpec } from './schema.ts';

/** How many workers, `'auto'` not yet replaced by a number. */
export interface WorkerRange {
  readonly min: number | 'auto';
  readonly max: number | 'auto';
}

/** Reads a value as its own JSON schema says; what it says of a wrong one is `expected`. */
export type Field<T> = v.GenericSchema<unknown, T>;

/** What may stand in a Host field. */
export const HOST: RegExp = /^[A-Za-z0-9\-._~%[\]:]{1,255}$/;

/** @returns the value, or undefined when it is none that is allowed */
type Read<T> = (value: unknown) => T | undefined;

/**
 * A field from a reader.
 * @param expected what is allowed, in words, for errors
 * @param jsonSchema what is allowed, for editors
 */
export function field<T>(expected: string, jsonSchema: object, read: Read<T>): Field<T> {
  return v.pipe(
    v.unknown(),
    v.metadata({ ...jsonSchema }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = read(dataset.value);
      if (value !== undefined) return value;
      addIssue({ message: expected, expected });
      return NEVER;
    }),
  );
}

/** The field of a row of the table of options. Durations come out in ms, sizes in bytes, what is off as 0. */
export function fieldOf(spec: OptionSpec): Field<unknown> {
  const expected = expectation(spec);
  switch (spec.kind) {
    case 'workers':
      return field(expected, { type: ['integer', 'string'] }, (value) => readWorkers(textOf(value)));
    case 'integer':
      return integer(spec);
    case 'duration':
      return quantity(spec, expected, parseDuration);
    case 'size':
      return quantity(spec, expected, parseSize);
    case 'choice':
      return field(expected, { enum: spec.choices }, (value) =>
        typeof value === 'string' && spec.choices.includes(value) ? value : undefined,
      );
    case 'text':
      return field(expected, { type: 'string' }, (value) =>
        typeof value === 'string' && /^[\w.@/-]{1,100}$/.test(value) ? value : undefined,
      );
    case 'path':
      return field(expected, { type: 'string' }, (value) =>
        typeof value === 'string' && /^\/[\x21-\x7e]{0,999}$/.test(value) ? value : undefined,
      );
    case 'flag':
      return field(expected, { type: 'boolean' }, (value) => (typeof value === 'boolean' ? value : undefined));
    case 'list':
      return texts(expected);
    // Read where they are resolved: `admin.ts`, `access-log.ts`, `canary.ts`.
    case 'admin':
    case 'log':
    case 'canary':
      return v.unknown();
  }
}

/** A duration in ms. @param off whether `'off'`, and 0 for it, is allowed */
export function duration(off: boolean): Field<number> {
  const expected = `a duration such as '10s', '500ms' or '2m'${off ? ", or 'off'" : ''}`;
  return field(expected, { type: ['string', 'number'] }, (value) => {
    const text = textOf(value);
    if (text === 'off') return off ? 0 : undefined;
    return text === null ? undefined : (parseDuration(text) ?? undefined);
  });
}

/** A whole number within bounds, both included. */
export function count(min: number, max: number): Field<number> {
  return field(`a whole number, ${min}-${max}`, { type: 'integer', minimum: min, maximum: max }, (value) => {
    const text = textOf(value);
    const number = text !== null && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return number >= min && number <= max ? number : undefined;
  });
}

/** A number from 0 to 1, also as `'10%'`. */
export function share(): Field<number> {
  return field("a share such as 0.1 or '10%'", { type: ['number', 'string'] }, (value) => {
    const text = textOf(value);
    const match = text === null ? null : /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
    const number = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
    return number >= 0 && number <= 1 ? number : undefined;
  });
}

/** Any text that is not empty. */
export function text(expected = 'text'): Field<string> {
  return field(expected, { type: 'string' }, (value) =>
    typeof value === 'string' && value !== '' && value.length <= 10_000 ? value : undefined,
  );
}

/**
 * A list of texts; one text stands for a list of one.
 * @param mayBeEmpty whether the text at this place of a list may
 */
export function texts(
  expected: string,
  mayBeEmpty: (index: number) => boolean = () => false,
): Field<readonly string[]> {
  return field(expected, { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }, (value) => {
    if (typeof value === 'string') return value === '' ? undefined : [value];
    const isFit = (one: unknown, index: number): boolean =>
      typeof one === 'string' && (one !== '' || mayBeEmpty(index));
    return Array.isArray(value) && value.every(isFit) ? value : undefined;
  });
}

/** An object of these keys and no others; of another one it says, by `parsed`, which there are. */
export function objectOf<const T extends v.ObjectEntries>(entries: T): v.StrictObjectSchema<T, string> {
  return v.strictObject(entries, Object.keys(entries).join(' '));
}

/** One of a few words. */
export function choice<const T extends string>(choices: readonly T[]): Field<T> {
  return field(`one of: ${choices.join(', ')}`, { enum: choices }, (value) =>
    choices.includes(value as T) ? (value as T) : undefined,
  );
}

export function flag(): Field<boolean> {
  return field('true or false', { type: 'boolean' }, (value) => (typeof value === 'boolean' ? value : undefined));
}

function integer({ min, max, canBeOff, ...spec }: OptionSpec): Field<number> {
  const expected = expectation({ min, max, canBeOff, ...spec });
  return field(expected, { type: 'integer', minimum: min, maximum: max }, (value) => {
    const text = textOf(value);
    if (text === 'off' && canBeOff) return 0;
    const number = text !== null && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return (number >= min && number <= max) || (number === 0 && canBeOff) ? number : undefined;
  });
}

function quantity(spec: OptionSpec, expected: string, parse: (text: string) => number | null): Field<number> {
  return field(expected, { type: ['string', 'number'] }, (value) => {
    const text = textOf(value);
    if (text === null) return undefined;
    const number = text === 'off' ? 0 : parse(text);
    if (number === 0 && spec.canBeOff) return 0;
    return number !== null && text !== 'off' && number >= spec.min && number <= spec.max ? number : undefined;
  });
}

/** `4`, `2-8`, `2-auto`, `auto`. */
export function readWorkers(text: string | null): WorkerRange | undefined {
  if (text === null) return undefined;
  if (text === 'auto') return { min: 'auto', max: 'auto' };
  const match = /^(\d{1,6})(?:-(\d{1,6}|auto))?$/.exec(text);
  const min = Number(match?.[1]);
  const max = match?.[2] === undefined ? min : match[2] === 'auto' ? 'auto' : Number(match[2]);
  if (match === null || min < 1 || min > MAX_WORKERS) return undefined;
  return max === 'auto' || (max >= min && max <= MAX_WORKERS) ? { min, max } : undefined;
}

/** Numbers and texts are read alike; null for anything else. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
}
