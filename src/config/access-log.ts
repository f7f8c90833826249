import { resolve } from 'node:path';
import * as v from 'valibot';
import { choice, count, type Field, field, flag, objectOf, text } from './fields.ts';
import type { AccessLogOptions } from './options.ts';
import { parseSize } from './quantities.ts';
import { expectation, optionOf } from './schema.ts';
import type { Settings } from './settings.ts';

const DEFAULT_MAX_BYTES = 100_000_000;
const DEFAULT_KEEP = 5;
const MIN_SIZE_BYTES = 64 * 1024;

const SIZE_EXPECTED = "a size such as '100MB', at least 64KiB, or 'off'";
/** 0 = off. */
const SIZE: Field<number> = field(SIZE_EXPECTED, { type: ['string', 'number'] }, (value) => {
  if (value === 'off' || value === 0) return 0;
  const bytes = typeof value === 'string' || typeof value === 'number' ? parseSize(String(value)) : null;
  return bytes !== null && bytes >= MIN_SIZE_BYTES ? bytes : undefined;
});

const HEADER: Field<string> = field('the name of a header, such as x-request-id', { type: 'string' }, (value) =>
  typeof value === 'string' && /^[\w-]{1,100}$/.test(value) ? value.toLowerCase() : undefined,
);

/** All there is to say. */
interface Whole {
  readonly file?: string | undefined;
  readonly format?: 'json' | 'combined' | undefined;
  readonly maxSize?: number | undefined;
  readonly keep?: number | undefined;
  readonly query?: boolean | undefined;
  readonly requestId?: string | undefined;
}

const WHOLE: v.GenericSchema<unknown, Whole> = objectOf({
  file: v.optional(text('a file')),
  format: v.optional(choice(['json', 'combined'])),
  maxSize: v.optional(SIZE),
  keep: v.optional(count(0, 1000)),
  query: v.optional(flag()),
  requestId: v.optional(HEADER),
});

const EXPECTED = expectation(optionOf('accessLog'));
const SHORT: Field<Whole | null> = field(EXPECTED, {}, (value) => {
  if (typeof value === 'boolean') return value ? {} : null;
  return typeof value === 'string' && value !== '' ? { file: value } : undefined;
});

/** `true`, a file, or all there is to say. */
export const ACCESS_LOG: Field<Whole | null> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [text('a file'), flag(), WHOLE] }),
  v.lazy((value) => (typeof value === 'object' && value !== null ? WHOLE : SHORT)),
) as unknown as Field<Whole | null>;

/**
 * Whether and how requests are logged.
 * @param folder what a relative file is relative to
 * @throws EvenerError EVENER_CONFIG_INVALID
 */
export function readAccessLog(settings: Settings, folder: string): AccessLogOptions | null {
  const given = settings.read('accessLog', ACCESS_LOG, null, null);
  if (given === null) return null;
  const { file, format, maxSize, keep, query, requestId } = given;
  return Object.freeze({
    file: file === undefined ? null : resolve(folder, file),
    format: format ?? 'json',
    maxBytes: maxSize ?? DEFAULT_MAX_BYTES,
    keep: keep ?? DEFAULT_KEEP,
    hasQuery: query ?? false,
    requestIdHeader: requestId ?? null,
  });
}
