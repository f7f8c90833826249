import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

/** An app whose workers are all stopped, and known to be. */
async function stopped(t: TestContext, ...options: string[]): Promise<[EvenerProcess, string, number[]]> {
  const evener = new EvenerProcess(t, ['deliveries.cjs', '-w', '2', ...options, '--', join(tmpdir(), 'unused')]);
  const url = await evener.url(2);
  const pids = workerPids(evener);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  t.after(() => goOn(pids));
  await evener.saidTimes(/is stalled/, 2);
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
  const [, url, pids] = await stopped(t);
  const answers = Array.from({ length: 10 }, () => request(url));
  assert.equal(await Promise.race([...answers, settle(url)]), 'still waiting');
  goOn(pids);
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200);
});

test('answers 503 with Retry-After when --queue-timeout passes', async (t) => {
  const [, url, pids] = await stopped(t, '--queue-timeout', '500ms');
  const startMs = performance.now();
  const answer = await request(url);
  assert.equal(answer.status, 503);
  assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/);
  assert.ok(performance.now() - startMs >= 500);
  goOn(pids);
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
  const args = ['deliveries.cjs', '-w', '1', '--queue-timeout', '300ms', '--', join(tmpdir(), 'unused'), '1500'];
  const evener = new EvenerProcess(t, args);
  const url = await evener.url(1);
  process.kill(workerPids(evener)[0]!, 'SIGKILL');
  await evener.said(/worker 0 \(pid \d+\) died/);
  assert.equal((await request(url)).status, 503);
  await evener.saidTimes(/worker 0 ready/, 2);
  assert.equal((await request(url)).status, 200);
});

test('forgets a waiting request whose client leaves', async (t) => {
  const [, url, pids] = await stopped(t, '--queue-limit', '1');
  const controller = new AbortController();
  const left = fetch(url, { signal: controller.signal });
  const refused = await refusedOnce(url);
  assert.equal(refused, 503);
  controller.abort();
  await assert.rejects(left, { name: 'AbortError' });
  // The next request may overtake the end of the connection of the one that left.
  const waiting = await until('its place to be free', async () => {
    const answer = request(url);
    return (await Promise.race([answer, settle(url)])) === 'still waiting' ? { answer } : null;
  });
  goOn(pids);
  assert.equal((await waiting.answer).status, 200);
});

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
