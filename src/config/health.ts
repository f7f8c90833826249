import * as v from 'valibot';
import { choice, count, duration, type Field, field, HOST, text } from './fields.ts';

/** Active checks of servers, as a user writes them. */
export interface HealthEntry {
  /** Asked for with GET. Default for http: `/`. */
  readonly path?: string;
  /** Default: `'http'`; `'tcp'`: a connection is enough. */
  readonly type?: 'http' | 'tcp';
  /** Default: `'GET'`. */
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS';
  /** Host of the request. Default: the server's own. */
  readonly host?: string;
  /** Good answers: `200`, `'200-299,304'`. Default: `'200-399'`. */
  readonly status?: number | string;
  /** Has to stand in the body. Default: any body will do. */
  readonly body?: string;
  /** Default: `'5s'`. */
  readonly interval?: number | string;
  /** Longest wait for an answer. Default: `'2s'`. */
  readonly timeout?: number | string;
  /** Good answers in a row that bring a server back. Default: 2. */
  readonly rise?: number;
  /** Bad ones that take it out. Default: 3. */
  readonly fall?: number;
}

/** What a server is asked, and which answers are good ones. */
export interface HealthRules {
  readonly type: 'http' | 'tcp';
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Host of the request; null = the server's own. */
  readonly host: string | null;
  /** Pairs of first and last good status. */
  readonly statuses: readonly (readonly [number, number])[];
  /** null = any body will do. */
  readonly body: string | null;
  /** From the beginning of a check to the beginning of the next. ms */
  readonly intervalMs: number;
  /** Longest wait for an answer. ms */
  readonly timeoutMs: number;
  readonly rise: number;
  readonly fall: number;
}

const PATH: Field<string> = field("a path that begins with '/'", { type: 'string' }, (value) =>
  typeof value === 'string' && /^\/[\x21-\x7e]{0,999}$/.test(value) ? value : undefined,
);

export const STATUSES: Field<readonly (readonly [number, number])[]> = field(
  "statuses such as 200, '200-299' or '200-299,304'",
  { type: ['integer', 'string'] },
  (value) => {
    const ranges = String(value)
      .split(',')
      .map((one) => /^ *([1-5]\d\d)(?:-([1-5]\d\d))? *$/.exec(one));
    if (ranges.some((range) => range === null)) return undefined;
    const pairs = ranges.map((range) => [Number(range![1]), Number(range![2] ?? range![1])] as const);
    return pairs.every(([first, last]) => first <= last) ? pairs : undefined;
  },
);

const WHOLE = v.strictObject({
  path: v.optional(PATH, '/'),
  type: v.optional(choice(['http', 'tcp'])),
  method: v.optional(choice(['GET', 'HEAD', 'OPTIONS']), 'GET'),
  host: v.optional(
    field('a host', { type: 'string' }, (value) => (typeof value === 'string' && HOST.test(value) ? value : undefined)),
  ),
  status: v.optional(STATUSES, '200-399'),
  body: v.optional(text('text that the body has to hold')),
  interval: v.optional(duration(false), '5s'),
  timeout: v.optional(duration(false), '2s'),
  rise: v.optional(count(1, 100), 2),
  fall: v.optional(count(1, 100), 3),
});

/** A path, `'tcp'`, `'off'`, or all there is to say. null = no checks. */
export const HEALTH: Field<HealthRules | null> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [{ type: 'string' }, { type: 'boolean' }, { type: 'object' }] }),
  v.transform((value) => {
    if (value === 'off' || value === false || value === null) return null;
    if (value === 'tcp') return { type: 'tcp' };
    return typeof value === 'object' ? value : { path: value };
  }),
  v.nullable(WHOLE),
  v.transform((health): HealthRules | null => {
    if (health === null) return null;
    const { type, method, path, host, status, body, interval, timeout, rise, fall } = health;
    return Object.freeze({
      type: type ?? 'http',
      method: method as string,
      path: path as string,
      host: host ?? null,
      statuses: status as HealthRules['statuses'],
      body: body ?? null,
      intervalMs: interval as number,
      timeoutMs: timeout as number,
      rise: rise as number,
      fall: fall as number,
    });
  }),
) as unknown as Field<HealthRules | null>;
