import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';

interface Reply {
  readonly pid: number;
  readonly cookies: readonly string[];
}

/** test/fixtures/apps/socket-io.cjs tells its process id to whoever asks. */
function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = http.get(url, { agent: false, headers }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ pid: Number(body), cookies: response.headers['set-cookie'] ?? [] }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
  });
}

async function start(
  context: TestContext,
  options: object,
): Promise<{ evener: EvenerProcess; url: string; file: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'evs-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evener.config.json');
  writeFileSync(file, JSON.stringify({ app: join(APPS, 'socket-io.cjs'), workers: 4, ...options }));
  const evener = new EvenerProcess(context, ['--config', file]);
  return { evener, url: await evener.url(4), file };
}

/** Apps that choose workers by these, each with two, all run by one Evener. */
const CHOICES: Readonly<Record<string, object>> = {
  key: { sticky: { hash: 'header:x-user' } },
  ...Object.fromEntries(
    ['hash', 'maglev'].map((policy) => [policy, { policy, hashKey: 'query:room', hashBound: 100 }]),
  ),
  ...Object.fromEntries(
    ['round-robin', 'random-two', 'peak-ewma', 'prequal', 'first'].map((policy) => [
      policy,
      { policy, slowStart: '1s', firstRoom: 2 },
    ]),
  ),
};

const all = startedOnce(async (cleanup) => {
  const folder = mkdtempSync(join(tmpdir(), 'evs-'));
  cleanup.after(() => rmSync(folder, { recursive: true, force: true }));
  const app = { app: join(APPS, 'socket-io.cjs'), workers: 2 };
  const apps = Object.fromEntries(Object.entries(CHOICES).map(([name, more]) => [name, { ...app, ...more }]));
  const file = join(folder, 'evener.config.json');
  writeFileSync(file, JSON.stringify({ apps }));
  const evener = new EvenerProcess(cleanup, ['--config', file]);
  await evener.saidTimes(/worker \S+ ready/, 2 * Object.keys(apps).length);
  return controlOf(evener);
});

/** Where one of those apps is. */
async function urlOf(name: string): Promise<string> {
  const { apps } = await (await all()).get<Status>('/status');
  const urls = apps.map(({ addresses }) => addresses[0]!);
  assert.equal(new Set(urls).size, urls.length, 'each has a port of its own');
  return apps.find((app) => app.name === name)!.addresses[0]!;
}

async function pidsOf(
  url: string,
  times: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Set<number>> {
  const replies = await Promise.all(Array.from({ length: times }, () => ask(url, headers)));
  return new Set(replies.map(({ pid }) => pid));
}

test('a cookie keeps a client with its worker, over threads, reloads and the death of a worker', async (context) => {
  const { evener, url } = await start(context, { threads: 2, sticky: { cookie: { name: 'at' } } });
  const first = await ask(url);
  assert.match(first.cookies[0]!, /^at=[\w-]{30}; Path=\/; HttpOnly; SameSite=Lax$/);
  const cookie = first.cookies[0]!.split(';')[0]!;
  assert.deepEqual([...(await pidsOf(url, 30, { cookie }))], [first.pid]);
  assert.deepEqual((await ask(url, { cookie })).cookies, []);

  process.kill(first.pid, 'SIGKILL');
  const successor = await until('its place to be filled', async () => {
    const { pid, cookies } = await ask(url, { cookie });
    return pid !== first.pid && cookies.length === 0 && pid;
  });
  assert.deepEqual([...(await pidsOf(url, 30, { cookie }))], [successor], 'whoever takes its place');

  process.kill(evener.pid, 'SIGHUP');
  await evener.said(/reload(ed| done|.*workers replaced)/i);
  const renewed = await pidsOf(url, 30, { cookie });
  assert.equal(renewed.size, 1, 'the secret has survived the reload');
});

test('a key of the request keeps it with a worker', async () => {
  const url = await urlOf('key');
  const pids = new Set<number>();
  for (let user = 0; user < 12; user++) {
    const [pid, ...others] = await pidsOf(url, 6, { 'x-user': String(user) });
    assert.deepEqual(others, []);
    pids.add(pid!);
  }
  assert.ok(pids.size > 1);
});

for (const policy of ['hash', 'maglev']) {
  test(`policy ${policy} goes by the key that the options name`, async () => {
    const url = await urlOf(policy);
    // One that a busy machine holds up is passed over meanwhile.
    await until('each room to be answered by its own', async () => {
      const rooms = Array.from({ length: 12 }, (_, room) => pidsOf(`${url}/?room=${room}`, 6));
      const all = await Promise.all(rooms);
      return all.every(({ size }) => size === 1) && new Set(all.flatMap((pids) => [...pids])).size > 1;
    });
  });
}

for (const policy of ['round-robin', 'random-two', 'peak-ewma', 'prequal', 'first']) {
  test(`policy ${policy} serves`, async () => {
    const url = await urlOf(policy);
    await until('answers of both at once', async () => (await pidsOf(url, 60)).size > 1);
  });
}
