import * as v from 'valibot';
import { type Field, field, objectOf } from './fields.ts';
import type { AdminOptions } from './options.ts';
import { expectation, optionOf } from './schema.ts';
import { invalid, type Settings } from './settings.ts';

/** In the environment of the instance: the token, where it is not to stand in a file. Workers do not get it. */
export const ADMIN_TOKEN_VARIABLE = 'EVENER_ADMIN_TOKEN';
/** What can be guessed is no token. */
const MIN_TOKEN_LENGTH = 16;

const LISTEN_EXPECTED = "a port or 'host:port'";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `9000`, `127.0.0.1:9000`, `[::1]:9000`, `localhost:9000`. Loopback unless told. */
const ADDRESS: Field<Address> = field(LISTEN_EXPECTED, { type: ['integer', 'string'] }, (value) => {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const match = /^(?:(\[[0-9a-f:.]+\]|[^:[\]\s]+):)?(\d{1,5})$/i.exec(String(value));
  if (match === null || Number(match[2]) > 65_535) return undefined;
  return { host: match[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port: Number(match[2]) };
});

const TOKEN: Field<string> = field(
  `a text of ${MIN_TOKEN_LENGTH} characters or more, without blanks`,
  { type: 'string', minLength: MIN_TOKEN_LENGTH },
  (value) =>
    typeof value === 'string' && value.length >= MIN_TOKEN_LENGTH && /^[\x21-\x7e]+$/.test(value) ? value : undefined,
);

interface Admin {
  readonly listen: Address;
  readonly token?: string | undefined;
}

const WHOLE: v.GenericSchema<unknown, Admin> = objectOf({ listen: ADDRESS, token: v.optional(TOKEN) });

const EXPECTED = expectation(optionOf('admin'));
const ADDRESS_ALONE: Field<Admin> = field(EXPECTED, {}, (value) => {
  const listen = v.safeParse(ADDRESS, value);
  return listen.success ? { listen: listen.output } : undefined;
});

/** An address, or that with a token. */
export const ADMIN: Field<Admin | null> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [ADDRESS, WHOLE] }),
  v.lazy((value) => (typeof value === 'object' && value !== null ? WHOLE : ADDRESS_ALONE)),
) as unknown as Field<Admin | null>;

/**
 * Where the admin listener is to be, and who may do what there.
 * @throws EvenerError EVENER_CONFIG_INVALID
 */
export function readAdmin(settings: Settings, env: Readonly<Record<string, string | undefined>>): AdminOptions | null {
  const admin = settings.read('admin', ADMIN, null, null, withoutToken);
  if (admin === null) return null;
  const { listen } = admin;
  const token = admin.token ?? tokenFrom(settings, env);
  if (token === null && !isLoopback(listen.host)) {
    throw invalid(
      'admin',
      `${listen.host}:${listen.port}`,
      `a token for what others can reach: set ${ADMIN_TOKEN_VARIABLE} or admin.token, or listen on 127.0.0.1`,
    );
  }
  return Object.freeze({ ...listen, token });
}

function tokenFrom(settings: Settings, env: Readonly<Record<string, string | undefined>>): string | null {
  const token = env[ADMIN_TOKEN_VARIABLE];
  if (token === undefined || token === '') return null;
  const result = v.safeParse(TOKEN, token);
  if (!result.success) throw invalid(ADMIN_TOKEN_VARIABLE, '(hidden)', result.issues[0].message);
  settings.note('admin.token', '(hidden)', ADMIN_TOKEN_VARIABLE);
  return token;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function withoutToken(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'token' in value ? { ...value, token: '(hidden)' } : value;
}
