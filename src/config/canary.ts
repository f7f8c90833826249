import * as v from 'valibot';
import { type Field, field, objectOf } from './fields.ts';
import type { CanaryTerms } from './options.ts';
import { parseDuration, parseShare } from './quantities.ts';
import { expectation, optionOf } from './schema.ts';

/** Half of the requests: what is more is no trial. */
const MAX_SHARE = 0.5;
/** Of a trial whose time nobody has said. */
export const CANARY_MS = 60_000;
/** In less nothing can be seen; what lasts longer is no reload. */
const MIN_MS = 1_000;
const MAX_MS = 24 * 3_600_000;

export const CANARY_SHARE_EXPECTED = "a share of the requests, up to 50%, such as '10%'";
export const CANARY_TIME_EXPECTED = "a duration from 1s to 24h, such as '60s'";

/** 0-0.5, or undefined. */
export function readCanaryShare(value: unknown): number | undefined {
  const share = typeof value === 'string' || typeof value === 'number' ? parseShare(String(value)) : null;
  return share !== null && share <= MAX_SHARE ? share : undefined;
}

/** ms, or undefined. */
export function readCanaryTime(value: unknown): number | undefined {
  const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(String(value)) : null;
  return ms !== null && ms >= MIN_MS && ms <= MAX_MS ? ms : undefined;
}

const SHARE: Field<number> = field(CANARY_SHARE_EXPECTED, { type: ['string', 'number'] }, readCanaryShare);
const TIME: Field<number> = field(CANARY_TIME_EXPECTED, { type: ['string', 'number'] }, readCanaryTime);

const WHOLE: v.GenericSchema<unknown, CanaryTerms> = v.pipe(
  objectOf({ share: SHARE, for: v.optional(TIME) }),
  v.transform(({ share, for: forMs }) => Object.freeze({ share, forMs: forMs ?? CANARY_MS })),
);

const SHORT: Field<CanaryTerms | null> = field(expectation(optionOf('canary')), {}, (value) => {
  if (value === 'off' || value === 0 || value === false) return null;
  const share = readCanaryShare(value);
  return share === undefined ? undefined : Object.freeze({ share, forMs: CANARY_MS });
});

/** A share, all there is to say, or `'off'`. null = no trials. */
export const CANARY: Field<CanaryTerms | null> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [{ type: ['string', 'number', 'boolean'] }, WHOLE] }),
  v.lazy((value) => (typeof value === 'object' && value !== null ? WHOLE : SHORT)),
) as unknown as Field<CanaryTerms | null>;
