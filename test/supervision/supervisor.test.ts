import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isAlive } from '../../src/core/is-alive.ts';
import { assertEnding, EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { memoryOf } from '../support/memory.ts';
import { until } from '../support/until.ts';

interface Facts {
  readonly pid: number;
  readonly worker: string;
}

/** Where nothing else is said. What takes as long has waited for it. */
const DRAIN_LIMIT_MS = 25_000;

async function factsAt(url: string): Promise<Facts> {
  return JSON.parse((await request(`${url}/facts`)).body) as Facts;
}

/** Pids of ready workers as told, the latest of each slot. */
function pidsIn(text: string): Map<string, number> {
  return new Map([...text.matchAll(/worker (\d+) ready \(pid (\d+)/g)].map((match) => [match[1]!, Number(match[2])]));
}

test('restarts a worker that was killed, at once and in its slot', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  const pid = pidsIn(evener.stderr).get('1')!;
  process.kill(pid, 'SIGKILL');
  await evener.said(new RegExp(`worker 1 \\(pid ${pid}\\) died: signal SIGKILL; restarting at once`));
  await evener.saidTimes(/worker 1 ready/, 2);
  assert.equal((await request(url)).status, 200);
});

test('tells the requests that a dead worker had in flight', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  const url = await evener.url();
  const answer = await request(`${url}/exit`, 'POST');
  assert.equal(answer.status, 502);
  await evener.said(/worker 0 \(pid \d+\) died: exit code 3; 1 request in flight; restarting at once/);
});

test('finishes what is in flight at SIGTERM, then ends with 0', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  const answer = request(`${url}/slow`);
  await until('the request to arrive', async () => (await request(url)).status === 200);
  evener.kill('SIGTERM');
  assert.equal((await answer).body, 'slow');
  assertEnding(await evener.ended, 0);
});

test('ends promptly when idle, by any of the three signals', async (context) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
    await evener.url(1);
    const sentAtMs = performance.now();
    evener.kill(signal);
    assertEnding(await evener.ended, 0);
    assert.ok(performance.now() - sentAtMs < DRAIN_LIMIT_MS, `${signal} took ${performance.now() - sentAtMs} ms`);
  }
});

test('can be ended before a worker is ready', async (context) => {
  const evener = new EvenerProcess(context, ['silent.cjs', '-w', '2']);
  await evener.said(/starting/);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('kills deaf workers at the drain limit', async (context) => {
  const evener = new EvenerProcess(context, ['deaf.cjs', '-w', '2', '--drain-limit', '1s']);
  await evener.url(2);
  const pids = [...pidsIn(evener.stderr).values()];
  const sentAtMs = performance.now();
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.ok(performance.now() - sentAtMs < DRAIN_LIMIT_MS, 'not by the limit that others have');
  assert.ok(!pids.some(isRunning));
});

test('a second signal ends everything at once', async (context) => {
  const evener = new EvenerProcess(context, ['deaf.cjs', '-w', '2']);
  await evener.url(2);
  const pids = [...pidsIn(evener.stderr).values()];
  evener.kill('SIGTERM');
  await evener.said(/stopping/);
  evener.kill('SIGINT');
  assertEnding(await evener.ended, 1);
  assert.ok(!pids.some(isRunning));
});

test('kills what a worker leaves behind at the drain limit, not as long again after it', async (context) => {
  const env = { LINGER: '8000' };
  const evener = new EvenerProcess(context, ['deaf-child.cjs', '-w', '1', '--drain-limit', '9s'], { env });
  const child = Number((await request(await evener.url())).body);
  const sentAtMs = performance.now();
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  const tookMs = performance.now() - sentAtMs;
  assert.ok(tookMs < 16_000, `${tookMs} ms`);
  assert.ok(!isRunning(child));
});

test('a second signal ends what workers have left behind as well', async (context) => {
  const evener = new EvenerProcess(context, ['deaf-child.cjs', '-w', '1'], { env: { LINGER: '0' } });
  const child = Number((await request(await evener.url())).body);
  const worker = pidsIn(evener.stderr).get('0')!;
  evener.kill('SIGTERM');
  await until('Evener to have taken note of its end', () => !isAlive(worker));
  assert.ok(isRunning(child));
  const sentAtMs = performance.now();
  evener.kill('SIGINT');
  assertEnding(await evener.ended, 1);
  assert.ok(performance.now() - sentAtMs < DRAIN_LIMIT_MS, 'not by the limit');
  assert.ok(!isRunning(child));
});

test('SIGTTIN and SIGTTOU add and take a worker', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  const url = await evener.url();
  evener.kill('SIGTTIN');
  await evener.said(/worker 1 ready/);
  evener.kill('SIGTTOU');
  await evener.said(/worker 1 \(pid \d+\) ended/);
  evener.kill('SIGTTOU');
  evener.kill('SIGUSR2');
  assert.equal((await factsAt(url)).worker, '0', 'the last one stays');
});

test('SIGHUP replaces every worker and loses no request', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  const before = new Set(pidsIn(evener.stderr).values());
  let isOver = false;
  const statuses: number[] = [];
  const load = Array.from({ length: 4 }, async () => {
    while (!isOver) statuses.push((await request(`${url}/facts`)).status);
  });
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  assert.ok(!before.has((await factsAt(url)).pid));
  isOver = true;
  await Promise.all(load);
  assert.ok(statuses.length > 0 && statuses.every((status) => status === 200), String(statuses));
});

test('a reload into a version that does not come up leaves the workers of before', async (context) => {
  const broken = join(tmpdir(), `evener-test-broken-${process.pid}-reload`);
  context.after(() => rmSync(broken, { force: true }));
  const evener = new EvenerProcess(context, ['mendable.cjs', '-w', '2'], { env: { BROKEN: broken } });
  const url = await evener.url(2);
  const before = [...pidsIn(evener.stderr).values()];
  writeFileSync(broken, '');
  evener.kill('SIGHUP');
  await evener.said(/reload failed, the workers of before go on: .+broken, pid/);
  assert.ok(before.includes(Number((await request(url)).body)));
  rmSync(broken);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  assert.ok(!before.includes(Number((await request(url)).body)));
});

test('answers 503 in a crash loop, tells the cause once, and serves again when mended', async (context) => {
  const broken = join(tmpdir(), `evener-test-broken-${process.pid}-loop`);
  context.after(() => rmSync(broken, { force: true }));
  const evener = new EvenerProcess(context, ['mendable.cjs', '-w', '2'], { env: { BROKEN: broken } });
  const url = await evener.url(2);
  writeFileSync(broken, '');
  for (const pid of pidsIn(evener.stderr).values()) process.kill(pid, 'SIGKILL');
  await evener.said(/no worker is up, clients get 503 until one is: .+broken/);
  const answer = await request(url);
  assert.equal(answer.status, 503);
  assert.match(answer.headers['retry-after']!, /^[1-9]\d*$/);
  // One that needs more than a second is shown as it goes: each of the two says it then, once.
  assert.ok(evener.count(/^Error: broken/gm) <= 2, evener.stderr);
  rmSync(broken);
  await evener.said(/serving again/);
  assert.equal((await request(url)).status, 200);
  assert.equal(evener.count(/did not come up/g), 2, evener.stderr);
});

test('--exit-on-crash-loop ends with 1 instead', async (context) => {
  const broken = join(tmpdir(), `evener-test-broken-${process.pid}-exit`);
  context.after(() => rmSync(broken, { force: true }));
  const evener = new EvenerProcess(context, ['mendable.cjs', '-w', '1', '--exit-on-crash-loop'], {
    env: { BROKEN: broken },
  });
  await evener.url();
  writeFileSync(broken, '');
  process.kill(pidsIn(evener.stderr).get('0')!, 'SIGKILL');
  assertEnding(await evener.ended, 1);
  assert.match(evener.stderr, /^evener: mendable\.cjs failed to start: mendable\.cjs:4: Error: broken/m);
});

test('replaces a worker that hangs', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--hang-limit', '1500ms']);
  const url = await evener.url(2);
  const answer = request(`${url}/loop`, 'POST');
  await evener.said(/worker \d \(pid \d+\) is stalled/);
  assert.equal((await request(url)).status, 200, 'the other one serves');
  await evener.said(/worker \d \(pid \d+\) hangs: silent for/);
  await evener.said(/died: it hung and was ended; 1 request in flight; pid \d+ has its place/);
  await evener.saidTimes(/worker \d ready/, 3);
  assert.equal((await answer).status, 502);
});

test('a worker that was stopped and goes on in time is not replaced', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  const url = await evener.url();
  const pid = pidsIn(evener.stderr).get('0')!;
  process.kill(pid, 'SIGSTOP');
  const answer = factsAt(url);
  await evener.said(/is stalled/);
  process.kill(pid, 'SIGCONT');
  await evener.said(/answers again after/);
  assert.equal((await answer).pid, pid);
});

test('leaves no orphan when it is killed, even one in while (true)', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  const pids = [...pidsIn(evener.stderr).values()];
  request(`${url}/loop`, 'POST').catch(() => {});
  await evener.said(/is stalled/);
  evener.kill('SIGKILL');
  await until('the workers to end', () => !pids.some(isRunning));
  await until('the runtime directory to be removed', () => evener.runtimeDirectories().length === 0);
});

test('replaces a guard that is killed', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  const url = await evener.url();
  const [directory] = evener.runtimeDirectories();
  const guards = (): number[] => processesNaming(directory!);
  const [guard] = guards();
  process.kill(guard!, 'SIGKILL');
  await until('another guard', () => guards().some((pid) => pid !== guard));
  const { pid } = await factsAt(url);
  evener.kill('SIGKILL');
  await until('the worker to end', () => !isRunning(pid));
});

test('replaces a worker that grows too large, and loses no request', async (context) => {
  const evener = new EvenerProcess(context, ['leak.cjs', '-w', '1', '--max-memory', '150MB']);
  const url = await evener.url();
  const grown = pidsIn(evener.stderr).get('0')!;
  await until('a replacement', async () => {
    // What is half as large again is ended at once: it grows no faster than it can be watched, and replaced.
    const most = evener.count(/replacing it/) === 0 ? 160e6 : 200e6;
    if (evener.count(/worker 0 ready/g) === 1 && memoryOf(grown).now > most) return false;
    assert.equal((await request(url)).status, 200);
    return evener.count(/worker 0 ready/g) >= 2;
  });
  assert.match(evener.stderr, /has grown to \d+ MB, over the limit of 150 MB; replacing it/);
});

test('its runtime directory is private', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  await evener.url();
  const [directory] = evener.runtimeDirectories();
  assert.equal(statSync(directory!).mode & 0o777, 0o700);
  evener.kill('SIGTERM');
  await evener.ended;
  assert.ok(!existsSync(directory!));
});

/** Pids of processes one of whose arguments is this. */
function processesNaming(argument: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => argumentsOf(entry).includes(argument))
    .map(Number);
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
