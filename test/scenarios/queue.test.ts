import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

/** An app whose workers are all stopped, and known to be. */
async function stopped(t: TestContext, ...options: string[]): Promise<[EvenerProcess, string, number[]]> {
  const evener = new EvenerProcess(t, ['deliveries.cjs', '-w', '2', ...options, '--', join(tmpdir(), 'unused')]);
  // By its address: to look up a name takes requests out of their order.
  const url = (await evener.url(2)).replace('localhost', '127.0.0.1');
  const pids = workerPids(evener);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  t.after(() => goOn(pids));
  for (const pid of pids) await evener.said(new RegExp(`\\(pid ${pid}\\) is stalled`));
  return [evener, url, pids];
}

function goOn(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGCONT');
    } catch {
      // It has ended in the meantime.
    }
  }
}

test('keeps requests that no worker can take, and serves them when one can', async (t) => {
  const [evener, url, pids] = await stopped(t);
  const answers = Array.from({ length: 10 }, () => request(url));
  await queued(evener, 10);
  assert.equal(await Promise.race([...answers, settle(url)]), 'still waiting');
  goOn(pids);
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});

test('answers 503 with Retry-After when --queue-timeout passes', async (t) => {
  const [evener, url, pids] = await stopped(t, '--queue-timeout', '500ms');
  const startMs = performance.now();
  const answer = await request(url);
  assert.equal(answer.status, 503);
  assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/);
  assert.ok(performance.now() - startMs >= 500);
  goOn(pids);
  await evener.said(/answers again/);
  assert.equal((await request(url)).status, 200);
});

test('answers 503 at once when --queue-limit requests wait', async (t) => {
  const [, url, pids] = await stopped(t, '--queue-limit', '2');
  const answers = Array.from({ length: 5 }, () => request(url));
  // Three are refused; the two that wait are not answered before a worker goes on.
  const refused = [];
  const pending = new Map(answers.map((answer, index) => [index, answer.then((value) => ({ index, value }))]));
  while (refused.length < 3) {
    const { index, value } = await Promise.race(pending.values());
    pending.delete(index);
    refused.push(value.status);
    assert.ok(value.headers['retry-after'] !== undefined);
  }
  assert.deepEqual(refused, [503, 503, 503]);
  goOn(pids);
  for (const { value } of await Promise.all(pending.values())) assert.equal(value.status, 200);
});

test('keeps requests while the only worker boots again, slowly', async (t) => {
  const args = ['deliveries.cjs', '-w', '1', '--', join(tmpdir(), 'unused'), '700'];
  const evener = new EvenerProcess(t, args);
  const url = await evener.url(1);
  const [pid] = workerPids(evener);
  process.kill(pid!, 'SIGKILL');
  await evener.said(/worker 0 \(pid \d+\) died/);
  const answer = await request(url);
  assert.equal(answer.status, 200);
  assert.notEqual(answer.body, String(pid));
});

test('gives a request up when the only worker boots for longer than --queue-timeout', async (t) => {
  const args = ['deliveries.cjs', '-w', '1', '--queue-timeout', '300ms', '--', join(tmpdir(), 'unused'), '3000'];
  const evener = new EvenerProcess(t, args);
  const url = await evener.url(1);
  process.kill(workerPids(evener)[0]!, 'SIGKILL');
  await evener.said(/worker 0 \(pid \d+\) died/);
  assert.equal((await request(url)).status, 503);
  await evener.saidTimes(/worker 0 ready/, 2);
  assert.equal((await request(url)).status, 200);
});

test('forgets a waiting request whose client leaves', async (t) => {
  const [evener, url, pids] = await stopped(t, '--queue-limit', '1');
  const controller = new AbortController();
  const left = fetch(url, { signal: controller.signal });
  await queued(evener, 1);
  const refused = await refusedOnce(url);
  assert.equal(refused, 503);
  controller.abort();
  await assert.rejects(left, { name: 'AbortError' });
  await queued(evener, 0);
  const next = request(url);
  await queued(evener, 1);
  goOn(pids);
  assert.equal((await next).status, 200);
});

test('answers what waits when the last worker stops listening', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, 'server.cjs'),
    `const server = require('node:http').createServer((request, response) => {
      process.on('SIGUSR2', () => {
        server.close();
        setTimeout(() => response.end('done'), 300);
      });
      console.error('in hand');
    }).listen(0);`,
  );
  writeFileSync(
    join(folder, 'evener.config.json'),
    JSON.stringify({ app: 'server.cjs', workers: 1, maxConcurrency: 1, queueTimeout: '2s' }),
  );
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(1);
  const first = request(url);
  await evener.said(/in hand/);
  const second = request(url);
  await queued(evener, 1);
  assert.equal(await Promise.race([second, settle(url)]), 'still waiting');
  process.kill(workerPids(evener)[0]!, 'SIGUSR2');
  assert.equal((await first).body, 'done');
  const answer = await until('an answer', () => Promise.race([second, Promise.resolve(null)]), 10_000);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
});

/** Waits until so many requests wait for a worker. */
async function queued(evener: EvenerProcess, requests: number): Promise<void> {
  const control = await controlOf(evener);
  await until(`${requests} to wait`, async () => {
    return (await control.get<Status>('/status')).apps[0]!.queued === requests;
  });
}

/** Asks again until the queue is full. */
async function refusedOnce(url: string): Promise<number> {
  const controller = new AbortController();
  try {
    for (;;) {
      const answer = await Promise.race([fetch(url, { signal: controller.signal }), settle(url)]);
      if (typeof answer !== 'string') return answer.status;
    }
  } finally {
    controller.abort();
  }
}

/** What a balancer that answers at all would have answered by then: it refuses a malformed request itself. */
async function settle(url: string): Promise<'still waiting'> {
  for (let i = 0; i < 3; i++) {
    const { status } = await fetch(url, { method: 'FROB' });
    assert.equal(status, 501);
  }
  return 'still waiting';
}
