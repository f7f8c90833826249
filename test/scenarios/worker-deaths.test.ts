import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { Load } from '../support/load.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

const WORKERS = 4;

interface Deliveries {
  readonly evener: EvenerProcess;
  readonly url: string;
  /** Ids in the order in which they were begun. */
  readonly begun: () => string[];
}

async function deliveries(t: TestContext, workers: number, ...options: string[]): Promise<Deliveries> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-deliveries-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'begun');
  const evener = new EvenerProcess(t, ['deliveries.cjs', '-w', String(workers), ...options, '--', file]);
  const url = await evener.url(workers);
  return { evener, url, begun: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []) };
}

function living(evener: EvenerProcess): number[] {
  return workerPids(evener).filter(isRunning);
}

/** Kills a worker every second, in turn, each of them once and some once more. */
async function killEverySecond(evener: EvenerProcess): Promise<void> {
  for (let killed = 0; killed < WORKERS + 2; killed++) {
    await sleep(1000);
    const [victim] = await until('a worker to kill', () => {
      const all = living(evener);
      return all.length > 0 ? all : null;
    });
    process.kill(victim!, 'SIGKILL');
  }
  // Until what was taken from the last of them is over with.
  await evener.saidTimes(/worker \d+ ready/, 2 * WORKERS + 2);
}

test('loses no GET while one of four workers is killed every second', async (t) => {
  const { evener, url } = await deliveries(t, WORKERS);
  const load = new Load((id) => `${url}/?ms=${id % 20}`, { method: 'GET', rate: 250, connections: 64 });
  await load.during(() => killEverySecond(evener));
  const { length } = load.attempts;
  assert.deepEqual(load.outcomes, { 200: length });
  t.diagnostic(`${length} requests; the slowest took ${Math.round(load.slowestMs)} ms`);
});

test('runs no POST twice, and answers the lost with 502, while one of four workers is killed every second', async (t) => {
  const { evener, url, begun } = await deliveries(t, WORKERS);
  const settings = { method: 'POST', rate: 250, connections: 64, body: 'x'.repeat(100) };
  const load = new Load((id) => `${url}/?id=${id}&ms=${id % 20}`, settings);
  await load.during(() => killEverySecond(evener));
  const { 200: delivered = 0, 502: lost = 0, ...others } = load.outcomes;
  assert.deepEqual(others, {});
  assert.equal(delivered + lost, load.attempts.length);
  const ids = begun();
  assert.equal(new Set(ids).size, ids.length, 'some were begun twice');
  // Whatever was answered was begun.
  const known = new Set(ids);
  for (const { id, outcome } of load.attempts) if (outcome === '200') assert.ok(known.has(String(id)));
  t.diagnostic(`${delivered} delivered, ${lost} lost`);
});

test('keeps GETs waiting while all workers are dead', async (t) => {
  const { evener, url } = await deliveries(t, WORKERS);
  const load = new Load((id) => `${url}/?ms=${id % 5}`, {
    method: 'GET',
    rate: 200,
    connections: 64,
  });
  await load.during(async () => {
    await until('the load to run', () => load.attempts.length > 100);
    for (const pid of living(evener)) process.kill(pid, 'SIGKILL');
    await evener.saidTimes(/worker \d+ ready/, 2 * WORKERS);
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
});

test('moves a POST that its dead worker had not begun, its body with it', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2);
  const [stopped] = workerPids(evener);
  process.kill(stopped!, 'SIGSTOP');
  // One of the two goes to the worker that is stopped: the other is busy with its own.
  const answers = [1, 2].map((id) => post(`${url}/?id=${id}&ms=3000`, 'a body of 17 bytes'));
  await until('one delivery', () => begun().length >= 1);
  process.kill(stopped!, 'SIGKILL');
  for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { status: 200, body: '18' });
  assert.deepEqual(begun().sort(), ['1', '2']);
});

test('moves a POST not begun whose body is still coming', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2);
  const [stopped, other] = workerPids(evener);
  process.kill(stopped!, 'SIGSTOP');
  const clients = [await RawClient.connect(t, url), await RawClient.connect(t, url)];
  for (const [id, client] of clients.entries()) {
    client.write(`POST /?id=${id} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf `);
  }
  await until('one to be begun', () => begun().length >= 1);
  process.kill(stopped!, 'SIGKILL');
  await until('the other to be begun too', () => begun().length === 2);
  for (const client of clients) client.write('whole');
  for (const client of clients) assert.equal(String((await client.response()).body), '10');
  assert.ok(isRunning(other!));
});

test('answers a POST with 502 when its worker dies after it was begun', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2);
  const answer = post(`${url}/?id=1&ms=60000`, 'a body');
  await until('it to be begun', () => begun().length === 1);
  for (const pid of workerPids(evener)) process.kill(pid, 'SIGKILL');
  assert.equal((await answer).status, 502);
  await evener.saidTimes(/worker \d+ ready/, 4);
  assert.equal((await request(url)).status, 200);
  assert.deepEqual(begun(), ['1']);
});

test('runs a GET once more whose upgrade the app has declined', async (t) => {
  // A second one, killed as well, might be given it before its end is seen.
  const { evener, url, begun } = await deliveries(t, 1);
  const client = await RawClient.connect(t, url);
  client.write('GET /?id=1&ms=500 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  await until('it to be begun', () => begun().length === 1);
  for (const pid of workerPids(evener)) process.kill(pid, 'SIGKILL');
  assert.equal((await client.response()).status, 200);
  assert.deepEqual(begun(), ['1', '1']);
});

test('cuts a response short when its worker dies within it', async (t) => {
  const evener = new EvenerProcess(t, ['road.cjs', '-w', '2']);
  const url = await evener.url(2);
  const client = await RawClient.connect(t, url);
  client.write('GET /flood HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.read(100_000);
  for (const pid of workerPids(evener)) process.kill(pid, 'SIGKILL');
  const rest = await client.rest();
  assert.doesNotMatch(rest.slice(-10), /\r\n0\r\n\r\n$/);
});

test('fails a response alone whose head, 1xx head or trailers are too long for the link', async (t) => {
  const evener = new EvenerProcess(t, ['long-heads.cjs', '-w', '1']);
  const url = await evener.url(1);
  const bystander = await RawClient.connect(t, url);
  bystander.write('POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  await until('it to be begun', async () => (await request(`${url}/begun`)).body === '1');
  for (const [path, status] of [
    ['/head', 502],
    ['/hints', 502],
    ['/trailers', 200],
  ] as const) {
    const client = await RawClient.connect(t, url);
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answer = await client.rest();
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), path);
    assert.ok(answer.length < 1000, `${path}: ${answer.length}`);
    assert.doesNotMatch(answer, /\r\n0\r\n/);
  }
  await request(`${url}/release`);
  assert.equal((await bystander.response()).status, 200, evener.stderr);
  assert.doesNotMatch(evener.stderr, /died/);
});

test('finishes what is in flight under load at SIGTERM, and ends with 0', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2);
  const load = new Load((id) => `${url}/?id=${id}&ms=100`, {
    method: 'POST',
    rate: 200,
    durationMs: 1_500,
    connections: 64,
  });
  const running = load.run();
  await until('the load to run', () => load.attempts.length > 50);
  evener.kill('SIGTERM');
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
  await running;
  const { 200: answered = 0, ...others } = load.outcomes;
  // Those that came too late were never let in.
  assert.deepEqual(
    Object.keys(others).filter((outcome) => !['ECONNREFUSED', 'ECONNRESET'].includes(outcome)),
    [],
  );
  assert.equal(begun().length, answered);
});

async function post(url: string, body: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, { method: 'POST', body });
  return { status: response.status, body: await response.text() };
}
