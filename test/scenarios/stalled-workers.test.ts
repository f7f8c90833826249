import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Incident } from '../../src/core/incident.ts';
import { controlOf } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

/** Rounds of stopping workers; EVENER_ROUNDS makes it a soak. */
const ROUNDS = Number(process.env.EVENER_ROUNDS ?? 10);

interface Deliveries {
  readonly evener: EvenerProcess;
  readonly url: string;
  /** Ids in the order in which they were begun. */
  readonly begun: () => string[];
}

async function deliveries(t: TestContext, workers: number, options: readonly string[] = []): Promise<Deliveries> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-stalled-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'begun');
  const evener = new EvenerProcess(t, ['deliveries.cjs', '-w', String(workers), ...options, '--', file]);
  const url = await evener.url(workers);
  return { evener, url, begun: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []) };
}

function stop(t: TestContext, pid: number): void {
  process.kill(pid, 'SIGSTOP');
  t.after(() => goOn(pid));
}

function goOn(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It has ended in the meantime.
  }
}

test('moves POSTs that a stalled worker has not begun at once, and it does not run them when it goes on', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2, ['--hang-limit', 'off']);
  const [stopped, other] = workerPids(evener);
  stop(t, stopped!);
  const answers = Array.from({ length: 8 }, (_, id) => post(`${url}/?id=${id}`, 'a body'));
  // None of them waits for the one that is stopped.
  for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { status: 200, body: '6' });
  assert.equal(begun().length, 8);
  await evener.said(/is stalled/);
  goOn(stopped!);
  await evener.said(/answers again/);
  stop(t, other!);
  await evener.saidTimes(/is stalled/, 2);
  // What it had of old has been read by the time it answers this.
  assert.equal((await request(url)).body, String(stopped));
  assert.deepEqual(
    begun().sort(),
    Array.from({ length: 8 }, (_, id) => String(id)),
  );
});

test('runs no POST twice, and loses none, whenever a stopped worker goes on', { timeout: 600_000 }, async (t) => {
  const workers = 6;
  const { evener, url, begun } = await deliveries(t, workers, ['--hang-limit', 'off']);
  const pids = workerPids(evener);
  let id = 0;
  const statuses: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const victims = pids.slice(0, workers - 2).map((_, index) => pids[(round + index) % workers]!);
    for (const pid of victims) stop(t, pid);
    const answers = Array.from({ length: 24 }, () =>
      post(`${url}/?id=${id++}`, 'x'.repeat(id % 3 === 0 ? 20_000 : 10)),
    );
    // Requests are taken back 10 to 30 ms after a worker has fallen silent: some go on before, some just then.
    const goingOn = victims.map(async (pid) => {
      await sleep(Math.random() * 60);
      goOn(pid);
    });
    for (const { status } of await Promise.all(answers)) statuses.push(status);
    await Promise.all(goingOn);
  }
  assert.deepEqual(new Set(statuses), new Set([200]));
  // Each worker has answered, and so has read all that was sent to it before.
  for (const pid of pids) {
    await until('each to answer', async () => (await request(url)).body === String(pid));
  }
  assert.deepEqual(
    begun()
      .map(Number)
      .sort((a, b) => a - b),
    Array.from({ length: id }, (_, index) => index),
  );
  t.diagnostic(`${id} POSTs, ${ROUNDS * (workers - 2)} stops, ${evener.count(/is stalled/)} stalls`);
});

test('lets a stalled worker run, when it goes on, what could not be taken back', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2, ['--hang-limit', 'off']);
  const [stopped] = workerPids(evener);
  stop(t, stopped!);
  // Of a body more than 64 KiB is not kept: only the worker that it was sent to can run it. It has to ask, since the small
  // ones beside it were taken back.
  const sizes = [100_000, 10, 90_000, 10, 80_000, 10, 70_000, 10];
  const answers = sizes.map((size, id) => post(`${url}/?id=${id}`, 'x'.repeat(size)));
  await Promise.all(answers.filter((_, id) => sizes[id] === 10));
  goOn(stopped!);
  for (const [id, answer] of answers.entries())
    assert.deepEqual(await answer, { status: 200, body: String(sizes[id]) });
  assert.deepEqual(begun().sort(), Object.keys(sizes));
});

test('a request whose body is still coming is moved with it', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2, ['--hang-limit', 'off']);
  const [stopped] = workerPids(evener);
  stop(t, stopped!);
  const clients = [await RawClient.connect(t, url), await RawClient.connect(t, url)];
  for (const [id, client] of clients.entries()) {
    client.write(`POST /?id=${id} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf `);
  }
  await until('both to be begun', () => begun().length === 2);
  for (const client of clients) client.write('whole');
  for (const client of clients) assert.equal(String((await client.response()).body), '10');
  goOn(stopped!);
});

test('leaves requests with the only worker', async (t) => {
  const { evener, url, begun } = await deliveries(t, 1, ['--hang-limit', 'off']);
  const [stopped] = workerPids(evener);
  stop(t, stopped!);
  const answer = post(`${url}/?id=1`, 'a body');
  await evener.said(/is stalled/);
  goOn(stopped!);
  assert.deepEqual(await answer, { status: 200, body: '6' });
  assert.deepEqual(begun(), ['1']);
});

test('a GET that has begun stays with a stalled worker, or is hedged where the config says so', async (t) => {
  for (const hedge of ['off', '100ms']) {
    const folder = mkdtempSync(join(tmpdir(), 'evener-hedge-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const config = join(folder, 'evener.config.mjs');
    writeFileSync(config, `export default { hedge: '${hedge}', hangLimit: 'off' };`);
    const { evener, url, begun } = await deliveries(t, 2, ['--config', config]);
    const [stopped, other] = workerPids(evener);
    const hold = join(folder, 'go');
    const pids: string[] = [];
    const answers = Array.from({ length: 4 }, async (_, id) => {
      pids.push((await request(`${url}/?id=${id}&hold=${hold}`)).body);
    });
    await until('all to begin', () => begun().length === 4);
    stop(t, stopped!);
    await evener.said(/is stalled/);
    writeFileSync(hold, '');
    if (hedge === 'off') {
      await until('those that do not wait for the stalled one', () => pids.length > 0);
      // A hedge would have been made with its next beat.
      await sleep(1_000);
      assert.ok(pids.length < 4 && begun().length === 4, 'the others wait for it');
      goOn(stopped!);
      await Promise.all(answers);
      assert.deepEqual(new Set(pids), new Set([String(stopped), String(other)]));
      assert.equal(begun().length, 4);
    } else {
      await Promise.all(answers);
      assert.deepEqual(new Set(pids), new Set([String(other)]));
      goOn(stopped!);
    }
  }
});

test('moves GETs that a stalled worker has not begun', async (t) => {
  const { evener, url, begun } = await deliveries(t, 2, ['--hang-limit', 'off']);
  const [stopped, other] = workerPids(evener);
  // A worker notes GETs from its first beat on.
  await until('a round in which none waits', async () => {
    stop(t, stopped!);
    const before = begun().length;
    const answers = Promise.all(Array.from({ length: 4 }, (_, id) => request(`${url}/?id=${id}`)));
    const bodies = await Promise.race([answers, sleep(2_000, null)]);
    goOn(stopped!);
    const pids = (await answers).map(({ body }) => body);
    if (bodies === null) return false;
    assert.deepEqual(new Set(pids), new Set([String(other)]));
    assert.equal(begun().length - before, 4, 'none is run twice');
    return true;
  });
});

async function post(url: string, body: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, { method: 'POST', body });
  return { status: response.status, body: await response.text() };
}

test('a worker that hangs with nothing in hand is explained before it ends, and that is over with the next one', async (t) => {
  const evener = new EvenerProcess(t, ['hangs/hangs.cjs', '-w', '1', '--hang-limit', '1s']);
  const url = await evener.url(1);
  await request(`${url}/spin-later`, 'POST');
  await evener.said(
    /hangs: silent for [\d.]+ s, spinning \(\d+ % of a core\) in crunch, hangs\/hangs\.cjs:10:\d+; ending it$/m,
  );
  // A process that spins does not end before it is killed: the other one is up long before that.
  await evener.said(/worker 0 ready \(pid (\d+), [\s\S]+died: it hung and was ended[^\n]*; pid \1 has its place$/m);
  await evener.saidTimes(/worker 0 ready/, 2);
  const control = await controlOf(evener);
  const incidents = await until('all to be over', async () => {
    const { incidents: all } = await control.get<{ incidents: Incident[] }>('/incidents');
    return all.every(({ closedAt }) => closedAt !== null) ? all : null;
  });
  assert.ok(
    incidents.some(({ kind, evidence }) => kind === 'worker-hung' && JSON.stringify(evidence).includes('crunch')),
  );
});
