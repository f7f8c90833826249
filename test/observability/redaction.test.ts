import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redactor } from '../../src/observability/redaction.ts';

const PEM =
  '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----';

const ENVIRONMENT = {
  STRIPE_SECRET_KEY: 'sk_live_51Hq&x/y"z',
  api_token: 'tok-1234567890',
  DB_PASSWORD: 'beta',
  DATABASE_URL: 'postgres://shop:p%40ss-word@db.internal:5432/shop',
  SENTRY_DSN: 'https://0123456789abcdef@o1.ingest.example/42',
  TLS_PRIVATE: PEM,
  SSL_KEY_FILE: '/etc/ssl/private/shop.pem',
  JWT_SECRET: 'x',
  FEATURE_TOKEN: 'true',
  KEY_PORT: '8443',
  HOME: '/home/shop-user',
  PWD: '/srv/shop-release',
  NODE_ENV: 'production',
};
const redactor = new Redactor([ENVIRONMENT], ['https://hooks.example/services/T0/B0/verysecret']);

const CASES: readonly (readonly [string, string])[] = [
  ['key sk_live_51Hq&x/y"z refused', 'key [redacted] refused'],
  ['in JSON {"k":"sk_live_51Hq&x/y\\"z"}', 'in JSON {"k":"[redacted]"}'],
  ['in a URL /pay/sk_live_51Hq%26x%2Fy%22z', 'in a URL /pay/[redacted]'],
  ['tok-1234567890tok-1234567890', '[redacted][redacted]'],
  ['password authentication failed for beta', 'password authentication failed for [redacted]'],
  ['alphabetagamma is no secret', 'alphabetagamma is no secret'],
  ['p%40ss-word and p@ss-word', '[redacted] and [redacted]'],
  [
    'connect to postgres://shop:other@db.internal:5432/shop failed',
    'connect to postgres://[redacted]@db.internal:5432/shop failed',
  ],
  ['https://0123456789abcdef@o1.ingest.example/42', '[redacted]'],
  ['redis://:s3@cache:6379', 'redis://[redacted]@cache:6379'],
  ['line MIIEvQIBADANBgkqhkiG9w0B of a key', 'line [redacted] of a key'],
  ['read /etc/ssl/private/shop.pem', 'read /etc/ssl/private/shop.pem'],
  [
    'x true 8443 production /home/shop-user /srv/shop-release',
    'x true 8443 production /home/shop-user /srv/shop-release',
  ],
  ['GET /reset?token=abc&user=1 500', 'GET /reset?[redacted] 500'],
  ['(https://a.example/b?c=d)', '(https://a.example/b?[redacted])'],
  ['at file:///srv/app.mjs?v=17:10:5', 'at file:///srv/app.mjs?[redacted]:10:5'],
  ['is it a ? b : c, or what?', 'is it a ? b : c, or what?'],
  ['Authorization: Bearer abc.def', 'Authorization: [redacted]'],
  ['{"cookie":"sid=1; b=2","path":"/x"}', '{"cookie":"[redacted]","path":"/x"}'],
  ['sent Bearer abcdefgh1234', 'sent Bearer [redacted]'],
  ['post to https://hooks.example/services/T0/B0/verysecret', 'post to [redacted]'],
  ['', ''],
];

for (const [text, expected] of CASES) {
  test(`redacts: ${JSON.stringify(text)}`, () => {
    assert.equal(redactor.text(text), expected);
  });
}

test('redacts within data, and hands back as it is what has nothing to hide', () => {
  const clean = { type: 'a', list: [1, null, { text: 'fine' }] };
  assert.equal(redactor.data(clean), clean);
  const told = redactor.data({ app: 'beta', list: [{ tail: ['DB said beta'] }] }, new Set(['app']));
  assert.deepEqual(told, { app: 'beta', list: [{ tail: ['DB said [redacted]'] }] });
});

test('takes time in proportion to the text, whatever it is', () => {
  const nasty = [
    'a'.repeat(60_000),
    '/?='.repeat(20_000),
    '/a?b'.repeat(15_000),
    `/x?${'='.repeat(60_000)}`,
    '://'.repeat(20_000),
  ];
  const startedMs = performance.now();
  for (const text of nasty) redactor.text(text);
  assert.ok(performance.now() - startedMs < 5_000, `${performance.now() - startedMs} ms`);
});
