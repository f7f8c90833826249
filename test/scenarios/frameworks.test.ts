import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

/** Ask until every one of two workers has answered. */
async function assertBothAnswer(url: string, pids: readonly number[]): Promise<void> {
  const wanted = [...pids].sort();
  assert.equal(wanted.length, 2);
  const seen = new Set<number>();
  await until(
    () => `answers of ${wanted}; seen ${[...seen]}`,
    async () => {
      const answers = await Promise.all([1, 2, 3, 4].map(() => request(`${url}/pid`)));
      for (const { body } of answers) seen.add(Number(/\d+$/.exec(body)?.[0]));
      return seen.size >= 2;
    },
  );
  assert.deepEqual([...seen].sort(), wanted);
}

const SCRIPTS = {
  node: 'node-http.cjs',
  express: 'express.cjs',
  fastify: 'fastify.mjs',
  koa: 'koa.cjs',
  hono: 'hono.mjs',
};

/** All of them, run by one Evener with two workers for each. */
const all = startedOnce(async (cleanup) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-frameworks-'));
  cleanup.after(() => rmSync(folder, { recursive: true, force: true }));
  const apps = Object.entries(SCRIPTS).map(([name, script]) => {
    return [name, { app: join(APPS, 'frameworks', script), workers: 2 }];
  });
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ apps: Object.fromEntries(apps) }));
  const evener = new EvenerProcess(cleanup, [], { cwd: folder });
  await evener.saidTimes(/worker \S+ ready/, 2 * apps.length);
  return { evener, status: await (await controlOf(evener)).get<Status>('/status') };
});

for (const framework of Object.keys(SCRIPTS)) {
  test(`serves ${framework} unmodified from two workers`, async () => {
    const { status } = await all();
    const [url] = status.apps.find(({ name }) => name === framework)!.addresses as [string];
    const workers = status.workers.filter(({ id }) => id.startsWith(`${framework}:`));
    await assertBothAnswer(
      url,
      workers.map(({ pid }) => pid!),
    );

    const answer = await fetch(`${url}/echo`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'Käthe', list: [1, 2, 3] }),
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-framework'), framework);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.deepEqual(await answer.json(), { got: { name: 'Käthe', list: [1, 2, 3] } });
  });
}

test('gives fastify the true port for its port 0', async () => {
  const { evener, status } = await all();
  const { port } = new URL(status.apps.find(({ name }) => name === 'fastify')!.addresses[0]!);
  await until(
    () => `two addresses in ${evener.stdout}`,
    () => evener.stdout.split('fastify says').length === 3,
  );
  for (const [, said] of evener.stdout.matchAll(/fastify says \S+:(\d+)/g)) assert.equal(said, port);
});

test('listens on the port that --port names in place of the app’s own', async (t) => {
  const [own, wanted] = [await freePort(), await freePort()];
  const evener = new EvenerProcess(t, ['fixed-port.cjs', '-w', '2', '--port', String(wanted), '--', String(own)]);
  const url = await evener.url(2);
  assert.equal(new URL(url).port, String(wanted));
  const facts = JSON.parse((await request(url)).body) as { port: number; env: string };
  assert.equal(facts.port, wanted);
  assert.equal(facts.env, String(wanted));
  await assert.rejects(request(`http://127.0.0.1:${own}`), { code: 'ECONNREFUSED' });
});

test('listens on the port that the app names', async (t) => {
  const port = await freePort();
  const evener = new EvenerProcess(t, ['fixed-port.cjs', '-w', '2', '--', String(port)]);
  assert.equal(new URL(await evener.url(2)).port, String(port));
});

test('serves two servers of one app on two ports from the same workers', async (t) => {
  const evener = new EvenerProcess(t, ['two-ports.cjs', '-w', '2']);
  await evener.url(2);
  await until('four addresses', () => evener.stdout.split(' listens on ').length === 5);
  const ports = new Map<string, Set<string>>();
  for (const [, name, port] of evener.stdout.matchAll(/(\w+) listens on (\d+)/g)) {
    ports.set(name!, (ports.get(name!) ?? new Set()).add(port!));
  }
  assert.deepEqual([...ports].map(([name, { size }]) => [name, size]).sort(), [
    ['first', 1],
    ['second', 1],
  ]);
  for (const [name, [port]] of ports) {
    assert.match((await request(`http://127.0.0.1:${port}/`)).body, new RegExp(`^${name} \\d+$`));
    await assertBothAnswer(`http://127.0.0.1:${port}`, workerPids(evener));
  }
});

test('runs what npm start starts', async (t) => {
  const evener = new EvenerProcess(t, ['npm', 'start', '-w', '2'], {
    cwd: join(APPS, 'package'),
    env: { npm_config_offline: 'true', npm_config_update_notifier: 'false' },
  });
  const url = await evener.url(2);
  const pids = new Set<string>();
  await until('answers of both workers', async () => {
    pids.add((JSON.parse((await request(`${url}/facts`)).body) as { pid: string }).pid);
    return pids.size === 2;
  });
});

test('runs a command of node_modules/.bin', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-bin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(join(APPS, 'local-command.cjs'), join(folder, 'node_modules/.bin/a-local-command'));
  const evener = new EvenerProcess(t, ['a-local-command', 'some', '-w', '2', '--', '--flag'], { cwd: folder });
  const url = await evener.url(2);
  const answer = JSON.parse((await request(url)).body) as { args: string[] };
  assert.deepEqual(answer.args, ['some', '--flag']);
});
