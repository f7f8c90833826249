import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppOptions, EvenerOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { STICKY_AUTO, STICKY_COOKIE, STICKY_OFF } from '../../src/config/sticky.ts';
import { EvenerError } from '../../src/core/evener-error.ts';
import { APPS } from '../support/evener-process.ts';

function resolve(options: Partial<EvenerOptions> | object): AppOptions {
  return resolveOptions({ app: 'server.cjs', cwd: APPS, env: { PATH: '' }, ...options }, () => 2).apps[0]!;
}

function refusalOf(options: object): string {
  try {
    resolve(options);
  } catch (error) {
    assert.ok(error instanceof EvenerError, String(error));
    return error.message;
  }
  return 'not refused';
}

test('stickiness is read in all its forms', () => {
  assert.deepEqual(resolve({}).sticky, STICKY_AUTO);
  assert.deepEqual(resolve({ sticky: 'auto' }).sticky, STICKY_AUTO);
  assert.deepEqual(resolve({ sticky: 'off' }).sticky, STICKY_OFF);
  assert.deepEqual(resolve({ sticky: { cookie: {} } }).sticky, { ...STICKY_AUTO, cookie: STICKY_COOKIE });
  assert.deepEqual(resolve({ sticky: { hash: 'header:X-User', sessions: false } }).sticky, {
    ...STICKY_OFF,
    hash: { from: 'header', name: 'x-user' },
  });
  const cookie = { name: 'at', maxAge: '1h', path: '/x', domain: 'example.org', sameSite: 'Strict', secure: true };
  assert.deepEqual(resolve({ sticky: { cookie } }).sticky.cookie, {
    ...STICKY_COOKIE,
    ...{ name: 'at', maxAgeSeconds: 3600, path: '/x', domain: 'example.org', sameSite: 'Strict', secure: true },
  });
});

test('what would break a cookie is refused, by name', () => {
  const refused: readonly [object, RegExp][] = [
    [{ sticky: 'cookie' }, /^sticky: expected 'auto', 'off', /],
    [{ sticky: { cokie: {} } }, /sticky\.cokie/],
    [{ sticky: { cookie: { name: 'a b' } } }, /^sticky\.cookie\.name: /],
    [{ sticky: { cookie: { path: '/; Domain=evil' } } }, /^sticky\.cookie\.path: /],
    [{ sticky: { cookie: { domain: 'a\r\nb' } } }, /^sticky\.cookie\.domain: /],
    [{ sticky: { cookie: { secret: 'short' } } }, /^sticky\.cookie\.secret: /],
    [{ sticky: { hash: 'header:' } }, /^sticky\.hash: /],
    [{ hashKey: 'cookie' }, /^hashKey: expected 'address', /],
    [{ hashBound: 1 }, /^hashBound: expected a number above 1/],
    [{ firstRoom: 0 }, /^firstRoom: /],
    [{ policy: 'least-conn' }, /^policy: .*least-inflight/],
  ];
  for (const [options, message] of refused) assert.match(refusalOf(options), message);
});

test('a secret is not shown', () => {
  const options = { app: 'server.cjs', cwd: APPS, env: {}, sticky: { cookie: { secret: 'sixteen letters.' } } };
  const { origins } = resolveOptions(options, () => 2);
  assert.equal(JSON.stringify(origins).includes('sixteen'), false);
  assert.ok(JSON.stringify(origins).includes('***'));
});
