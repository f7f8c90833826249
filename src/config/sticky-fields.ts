import * as v from 'valibot';
import { choice, count, duration, type Field, field, flag, text } from './fields.ts';
import { type KeySource, STICKY_AUTO, STICKY_COOKIE, STICKY_OFF, type Sticky, type StickyCookie } from './sticky.ts';

/** RFC 9110 section 5.6.2: what names of fields and cookies are made of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

/** `address`, `header:x-user`, `cookie:session`, `query:room`. */
export const KEY_SOURCE: Field<KeySource> = field(
  "'address', 'header:<name>', 'cookie:<name>' or 'query:<name>'",
  { type: 'string', pattern: '^(address|(header|cookie|query):.+)$' },
  (value) => {
    if (value === 'address') return { from: 'address' };
    const match = typeof value === 'string' ? /^(header|cookie|query):(.+)$/.exec(value) : null;
    if (match === null || !TOKEN.test(match[2]!)) return undefined;
    const from = match[1] as 'header' | 'cookie' | 'query';
    return { from, name: from === 'header' ? match[2]!.toLowerCase() : match[2]! };
  },
);

/** Requests in flight that `first` gives to one endpoint before the next. */
export const FIRST_ROOM: Field<number> = count(1, 1_000_000);

/** A number above 1, such as 1.25. */
export const BOUND: Field<number> = field('a number above 1, at most 100', { type: 'number' }, (value) => {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && number > 1 && number <= 100 ? number : undefined;
});

const COOKIE_NAME: Field<string> = field('a name of letters, digits, and - _ .', { type: 'string' }, (value) =>
  typeof value === 'string' && TOKEN.test(value) ? value : undefined,
);

/** What stands in an attribute of a cookie must not begin another. */
function attribute(expected: string, pattern: RegExp): Field<string> {
  return field(expected, { type: 'string' }, (value) =>
    typeof value === 'string' && pattern.test(value) ? value : undefined,
  );
}

const SECRET: Field<string> = field('a text of 16 characters or more', { type: 'string', minLength: 16 }, (value) =>
  typeof value === 'string' && value.length >= 16 && value.length <= 10_000 ? value : undefined,
);

const COOKIE = v.pipe(
  v.strictObject({
    name: v.optional(COOKIE_NAME),
    maxAge: v.optional(duration(true)),
    path: v.optional(attribute("a path that begins with '/'", /^\/[\x21-\x3a\x3c-\x7e]*$/)),
    domain: v.optional(attribute("a domain such as 'example.org'", /^\.?[\w-]+(\.[\w-]+)*$/)),
    sameSite: v.optional(choice(['Lax', 'Strict', 'None'])),
    secure: v.optional(v.union([flag(), v.literal('auto')])),
    secret: v.optional(SECRET),
  }),
  v.transform(
    (given): StickyCookie => ({
      name: given.name ?? STICKY_COOKIE.name,
      maxAgeSeconds: given.maxAge ? Math.max(1, Math.round(given.maxAge / 1000)) : STICKY_COOKIE.maxAgeSeconds,
      path: given.path ?? STICKY_COOKIE.path,
      domain: given.domain ?? STICKY_COOKIE.domain,
      sameSite: given.sameSite ?? STICKY_COOKIE.sameSite,
      secure: given.secure ?? STICKY_COOKIE.secure,
      secret: given.secret ?? STICKY_COOKIE.secret,
    }),
  ),
);

const FORMS = v.strictObject({
  cookie: v.optional(COOKIE),
  hash: v.optional(KEY_SOURCE),
  sessions: v.optional(flag()),
});

const STICKY_EXPECTED = "'auto', 'off', { cookie: { ... } } or { hash: 'address' }";

/** `'auto'`, `'off'`, or an object. */
export const STICKY: Field<Sticky> = v.pipe(
  v.unknown(),
  v.metadata({ anyOf: [choice(['auto', 'off']), FORMS] }),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const { value } = dataset;
    if (value === 'auto') return { sessions: STICKY_AUTO.learnsSessions };
    if (value === 'off') return { sessions: STICKY_OFF.learnsSessions };
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    addIssue({ message: STICKY_EXPECTED, expected: STICKY_EXPECTED });
    return NEVER;
  }),
  FORMS,
  v.transform(
    ({ cookie, hash, sessions }): Sticky =>
      Object.freeze({
        learnsSessions: sessions ?? STICKY_AUTO.learnsSessions,
        cookie: cookie === undefined ? null : Object.freeze(cookie),
        hash: hash ?? null,
      }),
  ),
) as unknown as Field<Sticky>;

/** For `evener check`: all but the secret. */
export function shownSticky(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('cookie' in value)) return value;
  const { cookie } = value;
  if (typeof cookie !== 'object' || cookie === null || !('secret' in cookie)) return value;
  return { ...value, cookie: { ...cookie, secret: '***' } };
}

/** Where a balancer or a server stands. */
export const ZONE: Field<string> = text("a name such as 'eu-west-1a'");
