import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { APPS, assertEnding, EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { Load } from '../support/load.ts';
import { until } from '../support/until.ts';

/** By its whole path: the name may be a shell script that chooses among versions. */
const PYTHON = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();

function python(t: TestContext, args: readonly string[], env: Record<string, string> = {}): EvenerProcess {
  return new EvenerProcess(t, [...args, '--', PYTHON, join(APPS, 'served.py')], { env });
}

interface Told {
  readonly worker: number;
  readonly pid: number;
  readonly forwarded: string;
}

async function told(url: string, path = '/'): Promise<Told> {
  const { body } = await request(`${url}${path}`);
  const [, worker, pid, forwarded] = body.split(' ');
  return { worker: Number(worker), pid: Number(pid), forwarded: forwarded! };
}

test('runs several Pythons, each on a port of its own, and ends them', async (t) => {
  const evener = python(t, ['-w', '3', '-p', '0']);
  const url = await evener.url(3);
  const pids = new Map<number, number>();
  await until('answers of all', async () => {
    for (const { worker, pid, forwarded } of await Promise.all(Array.from({ length: 6 }, () => told(url, '/slow')))) {
      assert.match(forwarded, /^(127\.0\.0\.1|::1)$/);
      pids.set(worker, pid);
    }
    return pids.size === 3;
  });
  assert.deepEqual([...pids.keys()].sort(), [0, 1, 2]);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  for (const pid of pids.values()) assert.equal(isRunning(pid), false);
});

test('PORT says where clients come, and the child gets another', async (t) => {
  const evener = python(t, ['-w', '1'], { PORT: '0' });
  const url = await evener.url(1);
  assert.equal((await told(url)).worker, 0);
});

test('one that dies under load is replaced, and costs no GET', async (t) => {
  const evener = python(t, ['-w', '2', '-p', '0']);
  const url = await evener.url(2);
  const load = new Load(() => url, { method: 'GET', rate: 50, connections: 8 });
  await load.during(async () => {
    await until('the load to run', () => load.attempts.length > 20);
    const { pid } = await told(url);
    process.kill(pid, 'SIGKILL');
    await evener.said(/worker \d .*died: .*SIGKILL/);
    await evener.saidTimes(/worker \d ready/, 3);
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
});

test('a reload replaces them one by one without a failed request', async (t) => {
  const evener = python(t, ['-w', '2', '-p', '0']);
  const url = await evener.url(2);
  const load = new Load(() => url, { method: 'POST', rate: 50, connections: 8, body: 'x' });
  await load.during(async () => {
    await until('the load to run', () => load.attempts.length > 20);
    evener.kill('SIGHUP');
    await evener.said(/reload done/);
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
});

test('one that is slow to start is not ready before it accepts', async (t) => {
  const evener = python(t, ['-w', '1', '-p', '0'], { BOOT_SECONDS: '1.5' });
  const url = await evener.url(1);
  assert.equal((await request(url)).status, 200);
  const [, seconds] = await evener.said(/worker 0 ready \(pid \d+, ([\d.]+) s/);
  assert.ok(Number(seconds) >= 1.5);
});

test('one that hangs is found by its health path, and replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evl-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = { app: [PYTHON, join(APPS, 'served.py')], workers: 2, port: 0, healthPath: '/', hangLimit: '2s' };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(2);
  const { pid, worker } = await told(url);
  process.kill(pid, 'SIGSTOP');
  await evener.said(new RegExp(`worker ${worker} .*is stalled`));
  await evener.said(new RegExp(`worker ${worker} .*hangs: .*; ending it`));
  await until('it to be gone', () => !isRunning(pid));
  await evener.saidTimes(/worker \d ready/, 3);
  assert.equal((await request(url)).status, 200);
});

test('they may listen on sockets', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evl-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = { app: [PYTHON, join(APPS, 'served.py')], workers: 2, port: 0, childAddress: 'socket' };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(2);
  assert.ok((await told(url)).pid > 0);
});

test('a Node app under a shell goes over the link though it has a PORT, and is served once', async (t) => {
  const evener = new EvenerProcess(t, ['-w', '1', '-p', '0', '--', 'sh', '-c', 'exec node server.cjs']);
  const url = await evener.url(1);
  const { headers } = await request(`${url}/`);
  assert.equal(headers['x-forwarded-for'], undefined);
  assert.equal(evener.count(/listening on/), 1);
});

test('Python under a shell is served on its own port', async (t) => {
  const evener = new EvenerProcess(t, [
    '-w',
    '1',
    '-p',
    '0',
    '--',
    'sh',
    '-c',
    `exec ${PYTHON} ${join(APPS, 'served.py')}`,
  ]);
  const url = await evener.url(1);
  assert.ok((await told(url)).pid > 0);
});

test('a child that never listens fails its start, and why is said', async (t) => {
  const evener = new EvenerProcess(t, ['-w', '1', '-p', '0', '--boot-timeout', '500ms', '--', 'sleep', '100']);
  assertEnding(await evener.ended, 1);
  assert.match(evener.stderr, /sleep 100 did not listen on a port within/);
});

test('an app that listens in a thread is told how it is served, and is', async (t) => {
  const app = join(APPS, 'listens-in-a-thread.cjs');
  const unseen = new EvenerProcess(t, [app, '-w', '1', '-p', '0', '--boot-timeout', '3s']);
  assertEnding(await unseen.ended, 1);
  assert.match(
    unseen.stderr,
    /listens on port \d+, where Evener does not see it: .+ protocol: 'http' in the config file$/m,
  );
  const inspected = new EvenerProcess(t, [app, '-w', '1', '--boot-timeout', '3s', '--', 'inspected']);
  assertEnding(await inspected.ended, 1);
  assert.match(inspected.stderr, /did not listen on a port within 3 s/);
  const folder = mkdtempSync(join(tmpdir(), 'evener-thread-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ app, workers: 1, port: 0, protocol: 'http' }));
  const seen = new EvenerProcess(t, [], { cwd: folder });
  assert.equal((await request(await seen.url(1))).body, 'from a thread');
});
