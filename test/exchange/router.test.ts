import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dispatcher } from '../../src/exchange/dispatcher.ts';
import { Router } from '../../src/exchange/router.ts';

/** Stands for a dispatcher, which the router only hands out. */
function named(name: string): Dispatcher {
  return { name } as unknown as Dispatcher;
}

function routed(router: Router, host: string, target: string): string | null {
  return (router.route(host, target) as unknown as { name: string } | null)?.name ?? null;
}

test('one pool for everything needs no look at the request', () => {
  const router = new Router();
  assert.equal(router.only, null);
  assert.equal(router.first, null);
  const all = named('all');
  router.set([{ host: null, path: '', dispatcher: all }]);
  assert.equal(router.only, all);
  router.set([{ host: null, path: '/a', dispatcher: all }]);
  assert.equal(router.only, null);
  assert.equal(router.first, all);
});

test('takes the most particular route', () => {
  const router = new Router();
  router.set([
    { host: null, path: '', dispatcher: named('rest') },
    { host: null, path: '/api', dispatcher: named('api') },
    { host: null, path: '/api/v2', dispatcher: named('v2') },
    { host: 'a.example', path: '', dispatcher: named('a') },
    { host: 'a.example', path: '/api', dispatcher: named('a-api') },
    { host: '*.example', path: '', dispatcher: named('any') },
    { host: '*.b.example', path: '', dispatcher: named('any-b') },
  ]);
  const cases: readonly (readonly [string, string, string])[] = [
    ['x', '/', 'rest'],
    ['x', '/api', 'api'],
    ['x', '/api?x', 'api'],
    ['x', '/api/', 'api'],
    ['x', '/apix', 'rest'],
    ['x', '/api/v2/y', 'v2'],
    ['a.example', '/', 'a'],
    ['A.EXAMPLE.:80', '/api/v2', 'a-api'],
    ['c.example', '/api', 'any'],
    ['c.b.example', '/', 'any-b'],
    ['b.example', '/', 'any'],
    ['example', '/', 'rest'],
    // RFC 9112 section 3.2.2: the host of an absolute-form counts, not that of the field.
    ['x', 'http://a.example/api', 'a-api'],
    ['x', 'HTTP://a.example:8080', 'a'],
    ['x', '*', 'rest'],
    ['[::1]:80', '/api', 'api'],
  ];
  for (const [host, target, expected] of cases)
    assert.equal(routed(router, host, target), expected, `${host} ${target}`);
});

test('says so when nobody is to have a request', () => {
  const router = new Router();
  router.set([{ host: 'a.example', path: '/x', dispatcher: named('a') }]);
  assert.equal(routed(router, 'b.example', '/x'), null);
  assert.equal(routed(router, 'a.example', '/y'), null);
});
