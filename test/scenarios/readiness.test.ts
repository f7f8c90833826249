import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { workerPids } from '../support/worker-pids.ts';

interface Told {
  readonly pid: number;
  /** Requests that it got before it was well. */
  readonly early: number;
  readonly version: string | null;
}

interface Configured {
  readonly evener: EvenerProcess;
  write(options: object): void;
}

function configured(context: TestContext, options: object): Configured {
  const folder = mkdtempSync(join(tmpdir(), 'evr-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (more: object): void => {
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ app: `${APPS}gated.cjs`, ...more }));
  };
  write(options);
  return { evener: new EvenerProcess(context, [], { cwd: folder }), write };
}

async function told(url: string): Promise<Told> {
  return JSON.parse((await request(url)).body) as Told;
}

test('a new worker gets no request before it answers its health path', async (context) => {
  const env = { PORT: '0', ILL_MS: '400' };
  const { evener, write } = configured(context, { workers: 2, healthPath: '/health', env });
  const url = await evener.url(2);
  const before = new Set(workerPids(evener));
  for (let i = 0; i < 20; i++) assert.equal((await told(url)).early, 0);
  write({ workers: 2, healthPath: '/health', env: { ...env, VERSION: 'two' } });
  evener.kill('SIGHUP');
  while (evener.count(/reload done/) === 0) assert.equal((await told(url)).early, 0);
  for (let i = 0; i < 20; i++) {
    const { pid, early, version } = await told(url);
    assert.deepEqual({ early, version, isNew: !before.has(pid) }, { early: 0, version: 'two', isNew: true });
  }
});

test('what asks a new worker whether it is well is answered by no other, however long it does not answer', async (context) => {
  const env = { PORT: '0' };
  const { evener, write } = configured(context, { workers: 2, healthPath: '/health', env });
  const url = await evener.url(2);
  write({ workers: 2, healthPath: '/health', env: { ...env, VERSION: 'two', BLOCK_MS: '2000', ILL_MS: '3000' } });
  evener.kill('SIGHUP');
  for (let answers = 0; answers < 20; ) {
    const { early, version } = await told(url);
    assert.equal(early, 0);
    if (version === 'two') answers++;
  }
});

test('a new version that never gets well leaves the old one in its place, and the reload says why', async (context) => {
  const options = { workers: 2, healthPath: '/health', env: { PORT: '0' } };
  const { evener, write } = configured(context, options);
  const url = await evener.url(2);
  const pids = new Set(workerPids(evener));
  // The first ones had all the time that a busy machine takes.
  write({ ...options, bootTimeout: '5s', env: { PORT: '0', ILL: 'for ever' } });
  evener.kill('SIGHUP');
  await evener.said(/reload failed.+did not answer GET \/health with 2xx or 3xx \(last: status 500\) within 5 s/);
  for (let i = 0; i < 20; i++) assert.ok(pids.has((await told(url)).pid));
});

test("a worker is ready when it says so, where it is asked to by ready: 'message'", async (context) => {
  const env = { PORT: '0', ILL_MS: '300', SAYS_READY: 'yes' };
  const { evener } = configured(context, { workers: 1, ready: 'message', env });
  const url = await evener.url(1);
  assert.equal((await told(url)).early, 0);
});

test('a reload replaces as many at a time as it may', async (context) => {
  // New ones do not get well before the boot time-out: as many as are started at a time are there at that time.
  const options = { workers: 3, parallel: 2, healthPath: '/health', env: { PORT: '0' } };
  const { evener, write } = configured(context, options);
  await evener.url(3);
  write({ ...options, bootTimeout: '5s', env: { PORT: '0', ILL: 'for ever' } });
  evener.kill('SIGHUP');
  let most: string[] = [];
  while (evener.count(/reload failed/) === 0) {
    const workers = workersOf(evener.pid);
    if (workers.length > most.length) most = workers;
    await sleep(50);
  }
  assert.equal(most.length, 3 + 2, `three workers and two new ones, not:\n${most.join('\n')}\n${evener.stderr}`);
});

/** The child processes that run the app, each with its command line. One that has ended has none any more. */
function workersOf(supervisor: number): string[] {
  const pids = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8').trim().split(' ');
  return pids.flatMap((pid) => {
    const command = commandOf(pid);
    return command.includes('gated.cjs') ? [`${pid} ${command}`] : [];
  });
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
