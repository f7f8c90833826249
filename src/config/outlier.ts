import * as v from 'valibot';
import { count, duration, type Field, field, flag } from './fields.ts';
import { STATUSES } from './health.ts';

/** When a worker or server is taken out for what it does to requests, as a user writes it. */
export interface OutlierEntry {
  /** Failures in a row, 0 = off. Default: 5. */
  readonly consecutive?: number;
  /** Standard deviations below the mean rate of success of all; 0 = off. Default: 1.9. */
  readonly successRate?: number;
  /** As a multiple of the median time of the others to answer; 0 = off. Default: 0. */
  readonly latency?: number;
  /** Answers that count as failures: `500`, `'500-504'`, or a list. Default: none. */
  readonly statuses?: number | string | readonly (number | string)[];
  /** Whether connections that the app itself cuts count as failures. Default: false. */
  readonly aborts?: boolean;
  /** How often rates and times are compared. Default: `'10s'`. */
  readonly interval?: number | string;
  /** Requests within it that one must have had to be compared. Default: 100. */
  readonly minRequests?: number;
  /** How long it is out at first; each time in a row so much longer. Default: `'30s'`. */
  readonly time?: number | string;
  /** The longest. Default: `'5m'`. */
  readonly maxTime?: number | string;
}

/** Plain data. */
export interface OutlierRules {
  /** 0 = off. */
  readonly consecutive: number;
  /** Standard deviations below the mean; 0 = off. */
  readonly successRate: number;
  /** A multiple of the median of the others; 0 = off. */
  readonly latency: number;
  /** Pairs of first and last status that is a failure. */
  readonly statuses: readonly (readonly [number, number])[];
  readonly countsAborts: boolean;
  readonly intervalMs: number;
  readonly minRequests: number;
  readonly timeMs: number;
  readonly maxTimeMs: number;
}

/** A number from 0, or from the least that makes sense. */
function factor(least: number): Field<number> {
  return field(`a number from ${least} to 100, or 0 for off`, { type: 'number', minimum: 0, maximum: 100 }, (value) =>
    typeof value === 'number' && (value === 0 || (value >= least && value <= 100)) ? value : undefined,
  );
}

const LIST: Field<OutlierRules['statuses']> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [STATUSES, v.array(STATUSES)] }),
  v.transform((value) => (Array.isArray(value) ? value : [value]) as unknown[]),
  v.array(STATUSES),
  v.transform((ranges) => ranges.flat()),
) as unknown as Field<OutlierRules['statuses']>;

const WHOLE = v.strictObject({
  consecutive: v.optional(count(0, 10_000), 5),
  successRate: v.optional(factor(0.5), 1.9),
  latency: v.optional(factor(1.5), 0),
  statuses: v.optional(LIST),
  aborts: v.optional(flag(), false),
  interval: v.optional(duration(false), '10s'),
  minRequests: v.optional(count(1, 1_000_000), 100),
  time: v.optional(duration(false), '30s'),
  maxTime: v.optional(duration(false), '5m'),
});

/** `'off'`, or all there is to say. null = off. */
export const OUTLIER: Field<OutlierRules | null> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [{ enum: ['off', false] }, { type: 'object' }] }),
  v.transform((value) => (value === 'off' || value === false || value === null ? null : value)),
  v.nullable(WHOLE),
  v.transform((entry): OutlierRules | null => {
    if (entry === null) return null;
    const { consecutive, successRate, latency, statuses, aborts, interval, minRequests, time, maxTime } = entry;
    return Object.freeze({
      consecutive: consecutive as number,
      successRate: successRate as number,
      latency: latency as number,
      statuses: statuses ?? [],
      countsAborts: aborts as boolean,
      intervalMs: interval as number,
      minRequests: minRequests as number,
      timeMs: time as number,
      maxTimeMs: Math.max(time as number, maxTime as number),
    });
  }),
) as unknown as Field<OutlierRules | null>;

/** Where nothing is said of it. */
export const OUTLIER_DEFAULT: OutlierRules = v.parse(OUTLIER, {})!;

/** The same for people. */
export const OUTLIER_SHOWN: object = Object.freeze({
  consecutive: OUTLIER_DEFAULT.consecutive,
  successRate: OUTLIER_DEFAULT.successRate,
});
