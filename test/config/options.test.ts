import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import type { AppOptions, EvenerOptions } from '../../src/config/options.ts';
import { OUTLIER_DEFAULT } from '../../src/config/outlier.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { OPTIONS } from '../../src/config/schema.ts';
import { EvenerError } from '../../src/core/evener-error.ts';
import { APPS } from '../support/evener-process.ts';

const base: EvenerOptions = { app: 'server.cjs', cwd: APPS, env: { PATH: '/nowhere' } };

function resolve(options: Partial<EvenerOptions>): AppOptions {
  return resolveOptions({ ...base, ...options }, () => 6).apps[0]!;
}

function resolveInstance(options: Partial<EvenerOptions>): ReturnType<typeof resolveOptions> {
  return resolveOptions({ ...base, ...options }, () => 6);
}

function refusal(options: object): EvenerError {
  try {
    resolve(options);
  } catch (error) {
    assert.ok(error instanceof EvenerError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `not refused: ${JSON.stringify(options)}` });
}

test('has the documented defaults', () => {
  const { app, env, ...rest } = resolve({});
  assert.equal(app.file, `${APPS}server.cjs`);
  assert.deepEqual(env, base.env);
  assert.deepEqual(rest, {
    name: 'evener',
    workers: { min: 6, max: 6 },
    port: null,
    policy: 'least-inflight',
    hashKey: { from: 'address' },
    hashBound: 1.25,
    firstRoom: 16,
    slowStartMs: 0,
    maxConcurrency: 0,
    outlier: OUTLIER_DEFAULT,
    zone: '',
    trustedProxies: [],
    sticky: { learnsSessions: true, cookie: null, hash: null },
    queueLimit: 1000,
    queueTimeoutMs: 10_000,
    standby: 0,
    quarantineMs: 60_000,
    hangLimitMs: 10_000,
    bootTimeoutMs: 30_000,
    headerTimeoutMs: null,
    bodyTimeoutMs: null,
    keepAliveTimeoutMs: null,
    responseTimeoutMs: 0,
    hedgeMs: 0,
    reportLoad: 'off',
    protocol: 'link',
    canary: null,
    childAddress: 'port',
    drainLimitMs: 25_000,
    maxMemoryBytes: null,
    maxAgeMs: 0,
    maxRequests: 0,
    nodeArgs: [],
    ready: 'listen',
    healthPath: null,
    parallel: 1,
    routes: [],
  });
  const { name, threads, exitOnCrashLoop } = resolveInstance({});
  assert.deepEqual({ name, threads, exitOnCrashLoop }, { name: 'evener', threads: 1, exitOnCrashLoop: false });
});

test('reads numbers and texts alike', () => {
  const options = resolve({ workers: 3, port: '8080', hangLimit: 500, maxMemory: '200MB', headerTimeout: 'off' });
  assert.deepEqual(options.workers, { min: 3, max: 3 });
  assert.equal(options.port, 8080);
  assert.equal(options.hangLimitMs, 500);
  assert.equal(options.maxMemoryBytes, 200_000_000);
  assert.equal(options.headerTimeoutMs, 0);
  assert.equal(resolve({ maxMemory: 'off' }).maxMemoryBytes, null);
});

test('keeps both ends of a range of workers', () => {
  assert.deepEqual(resolve({ workers: '2-8' }).workers, { min: 2, max: 8 });
  assert.deepEqual(resolve({ workers: '2-auto' }).workers, { min: 2, max: 6 });
  assert.deepEqual(resolve({ workers: 'auto' }).workers, { min: 6, max: 6 });
});

test('is frozen', () => {
  const options = resolve({});
  assert.ok(Object.isFrozen(options) && Object.isFrozen(options.workers) && Object.isFrozen(options.app));
});

test('takes WEB_CONCURRENCY where workers are not given', () => {
  const env = (value: string): Partial<EvenerOptions> => ({ env: { PATH: '', WEB_CONCURRENCY: value } });
  assert.equal(resolve(env('3')).workers.min, 3);
  assert.equal(resolve(env('auto')).workers.min, 6);
  assert.equal(resolve(env('')).workers.min, 6);
  assert.equal(resolve({ ...env('3'), workers: 2 }).workers.min, 2);
  for (const bad of ['0', 'many', '2-4', '-1', '1.5', '513']) {
    const error = refusal(env(bad));
    assert.equal(error.details.key, 'WEB_CONCURRENCY');
    assert.match(error.message, /^WEB_CONCURRENCY: expected 1-512 or 'auto', got /);
  }
});

test('refuses an environment that no process could get as it is written, and does not show its values', () => {
  const bad: [unknown, string][] = [
    [{ PATH: '', 'A=B': 'hush' }, 'env.A=B'],
    [{ '': 'hush' }, 'env.'],
    [{ 'A\0': 'hush' }, 'env.A\0'],
    [{ A: 'hush\0' }, 'env.A'],
    [{ A: ['hush'] }, 'env.A'],
    [{ A: null }, 'env.A'],
    ['A=hush', 'env'],
    [['hush'], 'env'],
  ];
  for (const [value, key] of bad) {
    const error = refusal({ env: value as Record<string, string> });
    assert.equal(error.details.key, key);
    assert.match(error.message.slice(key.length), /^: expected .+, got "\(hidden\)"$/);
  }
  const given = { PATH: '', TEXT: 'a=b', EMPTY: '', NUMBER: 1, IS_ON: true, NONE: undefined };
  assert.deepEqual(resolve({ env: given as unknown as Record<string, string> }).env, {
    ...given,
    NUMBER: '1',
    IS_ON: 'true',
  });
});

test('refuses what is out of bounds, and says what is allowed', () => {
  const bad: [string, unknown[]][] = [
    ['workers', ['0', '513', 'x', '4-2', '1.5', '', true, null]],
    ['port', ['65536', '-1', 'http', '']],
    ['threads', ['0', '65']],
    ['policy', ['random']],
    ['queueLimit', ['-1', 'off', '1.5']],
    ['queueTimeout', ['25h', 'x', '-1s']],
    ['drainLimit', ['off', 'never']],
    ['maxMemory', ['1KB', 'much']],
    ['exitOnCrashLoop', ['yes', 1]],
    ['name', ['', 'a b', 'x'.repeat(101)]],
  ];
  for (const [key, values] of bad) {
    for (const value of values) {
      const error = refusal({ [key]: value });
      assert.equal(error.code, 'EVENER_CONFIG_INVALID', `${key} ${value}`);
      assert.equal(error.details.key, key);
      assert.match(error.message, new RegExp(`^${key}: expected .+, got `));
    }
  }
});

test('refuses unknown keys and names the nearest', () => {
  assert.match(refusal({ worker: 3 }).message, /unknown option worker: did you mean workers\?/);
  assert.match(refusal({ frobnicate: 3 }).message, /unknown option frobnicate: known are workers, port/);
  const misspelt = refusal({ admin: { lisen: 9000 } as unknown as { listen: number } });
  assert.match(misspelt.message, /^unknown option admin\.lisen: did you mean listen\?$/);
  assert.match(refusal({ admin: {} as { listen: number } }).message, /^admin\.listen: expected a value, got nothing$/);
});

test('takes its name from package.json, else from the script', () => {
  assert.equal(resolve({ cwd: `${APPS}package`, app: '../server.cjs' }).name, 'a-package');
  assert.equal(resolve({ cwd: '/', app: `${APPS}server.cjs` }).name, 'server');
  assert.equal(resolveInstance({ name: 'mine' }).name, 'mine');
  const apps = { api: { app: `${APPS}server.cjs` }, web: { app: `${APPS}server.cjs` } };
  const pools = { remote: { servers: ['http://10.0.0.5:8080'], listen: 8080 } };
  assert.equal(resolveOptions({ cwd: `${APPS}package`, apps, pools }).name, 'a-package');
  assert.equal(resolveOptions({ pools }).name, 'remote');
  const tooLong = 'x'.repeat(101);
  assert.throws(() => resolveOptions({ apps: { [tooLong]: apps.api } }), /expected a name of up to 100 letters/);
});

test('every default of the table can be read by its own rule', () => {
  for (const spec of OPTIONS) {
    if (spec.default === null) assert.notEqual(spec.unset, '', spec.key);
    else assert.doesNotThrow(() => resolve({ [spec.key]: spec.default }), spec.key);
  }
  const flags = OPTIONS.flatMap(({ flag }) => (flag === null ? [] : [flag]));
  assert.equal(new Set(flags).size, flags.length);
  assert.equal(dirname(resolve({}).app.file), APPS.slice(0, -1));
});

test('a refusal tells no secret', () => {
  for (const [options, told] of [
    [{ sticky: { cookie: { secret: 'S3CRET' } } }, 'got "(hidden)"'],
    [{ admin: { listen: 9000, token: 'S3CRET' } }, 'got "(hidden)"'],
    [{ admin: 'http://joe:S3CRET@host:9000' }, 'got "http://joe:(hidden)@host:9000"'],
    [{ pools: { api: { listen: 80, servers: ['http://joe:S3CRET@host:1'] } } }, 'got "http://joe:(hidden)@host:1"'],
  ] as const) {
    const { message, details } = refusal(options);
    assert.ok(message.includes(told), message);
    assert.ok(!`${message}${JSON.stringify(details)}`.includes('S3CRET'), message);
  }
});

test('an app and a pool, and two pools, have names of their own', () => {
  const pool = { servers: ['http://10.0.0.5:8080'], listen: 8080 };
  const expected = 'expected a name that no app, and no other pool, has';
  const apps = { api: { app: 'server.cjs' } };
  for (const [options, name] of [
    [{ cwd: APPS, apps, pools: { api: pool } }, 'api'],
    [{ ...base, name: 'api', pools: { api: pool } }, 'api'],
    [{ ...pool, pools: { servers: pool } }, 'servers'],
  ] as const) {
    assert.throws(() => resolveOptions(options), { message: `pools.${name}: ${expected}, got "${name}"` });
  }
});
