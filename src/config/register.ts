import * as v from 'valibot';
import { parseServerAddress } from '../core/server-address.ts';
import { count, duration, type Field, field, flag, objectOf, text } from './fields.ts';
import { type EtcdAddress, parseSource, shownSource } from './source.ts';

/** Where an instance makes itself known while it serves, as a user writes it. */
export interface RegisterEntry {
  /** `etcd://host:2379/prefix`, as others find it by. */
  readonly etcd: string;
  /** Where others reach this instance: `http://10.0.0.5:8080`. */
  readonly url: string;
  /** How long it is still known after it has died. 2s-1h. Default: 10s. */
  readonly ttl?: number | string;
  readonly weight?: number;
  readonly backup?: boolean;
  readonly zone?: string;
}

export interface RegisterOptions {
  /** As written. */
  readonly etcd: string;
  readonly address: EtcdAddress;
  readonly url: string;
  readonly ttlMs: number;
  readonly weight: number;
  readonly isBackup: boolean;
  readonly zone: string;
}

const MIN_TTL_MS = 2_000;
const MAX_TTL_MS = 3_600_000;

const ETCD: Field<string> = v.pipe(
  v.unknown(),
  v.metadata({ type: 'string' }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    const address = typeof value === 'string' ? parseSource(value) : '';
    if (typeof address !== 'string' && address.kind === 'etcd') return value as string;
    const isEtcd = typeof address === 'string' && typeof value === 'string' && /^etcds?:/.test(value);
    const expected = isEtcd ? address : 'etcd://host:port/prefix';
    addIssue({ message: expected, expected, input: typeof value === 'string' ? shownSource(value) : value });
    return NEVER;
  }),
);

const URL_TEXT: Field<string> = field(
  'where others reach it, such as http://10.0.0.5:8080',
  { type: 'string' },
  (value) => {
    const address = typeof value === 'string' ? parseServerAddress(value) : '';
    return typeof address !== 'string' && address.path === null ? (value as string) : undefined;
  },
);

const TTL: Field<number> = v.pipe(
  v.unknown(),
  v.metadata({ type: ['string', 'number'] }),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
    const parsed = v.safeParse(duration(false), value);
    if (parsed.success && parsed.output >= MIN_TTL_MS && parsed.output <= MAX_TTL_MS) return parsed.output;
    const expected = "a duration from '2s' to '1h'";
    addIssue({ message: expected, expected });
    return NEVER;
  }),
);

const ENTRY = v.pipe(
  objectOf({
    etcd: ETCD,
    url: URL_TEXT,
    ttl: v.optional(TTL, '10s'),
    weight: v.optional(count(1, 1000), 1),
    backup: v.optional(flag(), false),
    zone: v.optional(text('a zone')),
  }),
  v.transform(({ etcd, url, ttl, weight, backup, zone }): RegisterOptions => {
    const address = parseSource(etcd) as EtcdAddress;
    return { etcd, address, url, ttlMs: ttl, weight, isBackup: backup, zone: zone ?? '' };
  }),
);

/** One place, or a list of them. */
export const REGISTER: Field<readonly RegisterOptions[]> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [ENTRY, v.array(ENTRY)] }),
  v.transform((value) => (Array.isArray(value) ? value : [value]) as unknown[]),
  v.array(ENTRY),
) as unknown as Field<readonly RegisterOptions[]>;
