import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isLoopbackName } from '../../src/control/admission.ts';
import { adminOf, ask, verb } from '../support/control.ts';
import { APPS, assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';

const TOKEN = 'correct-horse-battery-staple';

function codeIn(body: string): string {
  return (JSON.parse(body) as { error: { code: string } }).error.code;
}

test('on loopback without a token: programs may all, pages of a browser only look', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0', '--name', 'a']);
  await evener.url();
  const admin = await adminOf(evener);
  const json = { 'content-type': 'application/json' };
  const one = '{"workers":1}';
  assert.equal((await ask(`${admin}scale`, 'POST', json, one)).status, 200);
  assert.equal((await ask(`${admin}status`, 'GET', { 'sec-fetch-site': 'same-origin' })).status, 200);

  const refused: [string, Record<string, string>, number][] = [
    ['another site', { origin: 'http://evil.example' }, 401],
    ['this site, without the token', { origin: admin.slice(0, -1) }, 401],
    ['a sandboxed page', { origin: 'null' }, 401],
    ['a link of this site', { 'sec-fetch-site': 'same-origin' }, 401],
    ['another site that says so', { 'sec-fetch-site': 'cross-site' }, 403],
    ['another name for this address (DNS rebinding)', { host: 'evil.example' }, 403],
    ['a wrong token', { authorization: 'Bearer nonsense' }, 401],
  ];
  for (const [who, headers, status] of refused) {
    const answer = await ask(`${admin}scale`, 'POST', { ...json, ...headers }, one);
    assert.deepEqual(
      [answer.status, codeIn(answer.body)],
      [status, status === 401 ? 'UNAUTHORIZED' : 'FORBIDDEN'],
      who,
    );
  }
  for (const headers of [{ host: 'evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
    assert.equal((await ask(`${admin}status`, 'GET', headers)).status, 403);
    assert.equal((await ask(`${admin}healthz`, 'GET', headers)).status, 200);
  }
  // A form of another site can send a body as plain text without asking first.
  const form = await ask(`${admin}scale`, 'POST', { 'content-type': 'text/plain' }, one);
  assert.deepEqual([form.status, codeIn(form.body)], [400, 'BAD_REQUEST']);

  const { stdout } = await verb(evener, ['dashboard']);
  const token = decodeURIComponent(/#token=(\S+)/.exec(stdout)![1]!);
  const headers = { ...json, origin: admin.slice(0, -1), authorization: `Bearer ${token}` };
  assert.equal((await ask(`${admin}scale`, 'POST', headers, one)).status, 200);
  assert.equal((await ask(`${admin}dashboard-link`, 'GET')).status, 404);
});

test('with a token nothing is told without it but health', async (context) => {
  const settings = { env: { EVENER_ADMIN_TOKEN: TOKEN } };
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0.0.0.0:0'], settings);
  const url = await evener.url();
  const admin = (await adminOf(evener)).replace('0.0.0.0', '127.0.0.1');
  for (const path of ['status', 'metrics', 'events', 'nothing', 'openapi.json']) {
    const answer = await ask(`${admin}${path}`, 'GET');
    assert.deepEqual([answer.status, codeIn(answer.body)], [401, 'UNAUTHORIZED'], path);
    assert.equal(answer.headers['www-authenticate'], 'Bearer realm="evener"');
  }
  for (const path of ['healthz', 'readyz']) assert.equal((await ask(`${admin}${path}`, 'GET')).status, 200);
  for (const wrong of [TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), 'x']) {
    assert.equal((await ask(`${admin}status`, 'GET', { authorization: `Bearer ${wrong}` })).status, 401);
  }
  const authorization = `Bearer ${TOKEN}`;
  assert.equal((await ask(`${admin}status`, 'GET', { authorization, host: 'evener.example' })).status, 200);
  assert.equal((await ask(`${admin}status`, 'GET', { authorization: `bearer ${TOKEN}` })).status, 200);

  // Nobody is told of it: not the workers, and not whoever looks.
  assert.ok(!(await request(`${url}/env`)).body.includes(TOKEN));
  const shown = [
    (await ask(`${admin}status`, 'GET', { authorization })).body,
    (await ask(`${admin}events?follow=false`, 'GET', { authorization })).body,
    (await verb(evener, ['status', '--json'])).stdout,
    evener.stderr,
  ];
  for (const text of shown) assert.ok(!text.includes(TOKEN), text);
});

test('evener check does not print a token', async (context) => {
  const settings = { env: { EVENER_ADMIN_TOKEN: TOKEN } };
  const evener = new EvenerProcess(context, ['check', 'server.cjs', '--admin', '9000'], settings);
  assertEnding(await evener.ended, 0);
  assert.match(evener.stdout, /admin\.token +\(hidden\) +EVENER_ADMIN_TOKEN/);
  assert.ok(!evener.stdout.includes(TOKEN));
});

test('refuses to start where others could reach it without a token, or with a poor one', async (context) => {
  const cases: [string, Record<string, string>, RegExp][] = [
    ['0.0.0.0:0', {}, /a token for what others can reach/],
    ['[::]:0', {}, /a token for what others can reach/],
    ['example.org:0', {}, /a token for what others can reach/],
    ['0', { EVENER_ADMIN_TOKEN: 'short' }, /EVENER_ADMIN_TOKEN: expected a text of 16 characters or more.+\(hidden\)/],
  ];
  for (const [admin, env, pattern] of cases) {
    const evener = new EvenerProcess(context, ['server.cjs', '--admin', admin], { env });
    assertEnding(await evener.ended, 2);
    assert.match(evener.stderr, pattern);
  }
});

test('a reload opens the admin listener, changes its token and closes it', async (context) => {
  const base = mkdtempSync(join(tmpdir(), 'evener-admin-'));
  context.after(() => rmSync(base, { recursive: true }));
  const port = await freePort();
  const write = (more: object): void => {
    const config = { app: join(APPS, 'server.cjs'), workers: 1, ...more };
    writeFileSync(join(base, 'evener.config.json'), JSON.stringify(config));
  };
  write({});
  const evener = new EvenerProcess(context, [], { cwd: base });
  const url = await evener.url();
  const { pid } = JSON.parse((await request(`${url}/facts`)).body) as { pid: number };
  const reload = async (more: object, code: number): Promise<string> => {
    write(more);
    const done = await verb(evener, ['reload'], base);
    assert.equal(done.code, code, done.stderr);
    return done.stderr;
  };
  const statusWith = async (token: string): Promise<number> =>
    (await ask(`http://127.0.0.1:${port}/status`, 'GET', { authorization: `Bearer ${token}` })).status;
  const [first, second] = ['a'.repeat(16), 'b'.repeat(16)];
  await reload({ admin: { listen: port, token: first } }, 0);
  assert.equal(await statusWith(first), 200);
  await reload({ admin: { listen: port, token: second } }, 0);
  assert.deepEqual([await statusWith(first), await statusWith(second)], [401, 200]);
  const taken = Number(new URL(url).port);
  assert.match(await reload({ admin: { listen: `127.0.0.1:${taken}`, token: first } }, 1), /admin: cannot listen/);
  assert.equal(await statusWith(second), 200, 'all is as before');
  await reload({}, 0);
  await assert.rejects(statusWith(second), /ECONNREFUSED/);
  assert.equal((JSON.parse((await request(`${url}/facts`)).body) as { pid: number }).pid, pid, 'no worker was touched');
});

test('a reload moves the admin listener between addresses of one port, and back where the new one is taken', async (context) => {
  const base = mkdtempSync(join(tmpdir(), 'evener-admin-'));
  context.after(() => rmSync(base, { recursive: true }));
  const port = await freePort();
  const token = 'a'.repeat(16);
  const write = (host: string): void => {
    const config = { app: join(APPS, 'server.cjs'), workers: 1, admin: { listen: `${host}:${port}`, token } };
    writeFileSync(join(base, 'evener.config.json'), JSON.stringify(config));
  };
  write('127.0.0.1');
  const evener = new EvenerProcess(context, [], { cwd: base });
  await request(`${await evener.url()}/`);
  const reload = async (host: string): ReturnType<typeof verb> => {
    write(host);
    return verb(evener, ['reload'], base);
  };
  const statusAt = async (host: string): Promise<number> =>
    (await ask(`http://${host}:${port}/status`, 'GET', { authorization: `Bearer ${token}` })).status;
  assert.equal((await reload('0.0.0.0')).stderr, '');
  await evener.said(/^evener: admin on http:\/\/0\.0\.0\.0:\d+\/$/m);
  assert.deepEqual([await statusAt('127.0.0.1'), await statusAt('127.0.0.2')], [200, 200]);
  assert.equal((await reload('127.0.0.1')).stderr, '');
  assert.equal(await statusAt('127.0.0.1'), 200);
  await assert.rejects(statusAt('127.0.0.2'), /ECONNREFUSED/);
  // Now it is another that is in the way.
  const other = net.createServer().listen(port, '127.0.0.2');
  await once(other, 'listening');
  context.after(() => other.close());
  const refused = await reload('0.0.0.0');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /admin: cannot listen on 0\.0\.0\.0:\d+: EADDRINUSE/);
  assert.equal(await statusAt('127.0.0.1'), 200, 'all is as before');
  assert.equal(evener.count(/^evener: admin on http/m), 3, 'told whenever it is another, and not where it is the same');
});

test('says which address of the admin listener is taken', async (context) => {
  const first = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', '0']);
  const { port } = new URL(await adminOf(first));
  const second = new EvenerProcess(context, ['server.cjs', '-w', '1', '--admin', port]);
  assertEnding(await second.ended, 1);
  assert.match(second.stderr, new RegExp(`admin: cannot listen on 127.0.0.1:${port}: EADDRINUSE; choose another port`));
});

test('knows the names of loopback', () => {
  for (const name of ['localhost', 'LOCALHOST:80', '127.0.0.1', '127.8.9.1:9000', '[::1]', '[::1]:9000']) {
    assert.ok(isLoopbackName(name), name);
  }
  for (const name of ['', 'localhost.evil', 'evil.localhost', '127.0.0.1.evil', '128.0.0.1', '[::2]:1', '0.0.0.0']) {
    assert.ok(!isLoopbackName(name), name);
  }
});
