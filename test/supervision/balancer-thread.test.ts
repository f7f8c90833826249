import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BalancerBirth } from '../../src/channel/messages.ts';
import { XorShift } from '../../src/core/rng.ts';
import { BalancerThread } from '../../src/supervision/balancer-thread.ts';
import { heapMibFor } from '../../src/supervision/thread-start.ts';
import { until } from '../support/until.ts';

const GREEDY = new URL('../../../test/fixtures/fakes/greedy-balancer.mjs', import.meta.url);

test('a thread that runs out of memory ends by itself, and is started again', async (t) => {
  const causes: string[] = [];
  let starts = 0;
  const birth = { thread: 0, linkPath: join(tmpdir(), `evener-greedy-${process.pid}`) } as BalancerBirth;
  const observer = {
    threadStarted: () => starts++,
    threadSaid: () => {},
    threadDied: (_thread: BalancerThread, cause: string) => causes.push(cause),
  };
  const thread = new BalancerThread(birth, GREEDY, observer, new XorShift(1), 32);
  t.after(() => thread.close());
  thread.start();
  await until('another start', () => starts >= 2, 60_000);
  assert.match(causes[0]!, /ERR_WORKER_OUT_OF_MEMORY/);
});

test('a thread that is to stay down is not started again', async (t) => {
  let starts = 0;
  let hasDied = false;
  const birth = { thread: 0, linkPath: join(tmpdir(), `evener-down-${process.pid}`) } as BalancerBirth;
  const observer = {
    threadStarted: () => starts++,
    threadSaid: () => {},
    threadDied: (thread: BalancerThread) => {
      hasDied = true;
      thread.stayDown();
    },
  };
  const script = new URL('data:text/javascript,throw new Error("no thread today")');
  const thread = new BalancerThread(birth, script, observer, new XorShift(1));
  t.after(() => thread.close());
  thread.start();
  await until('its death', () => hasDied);
  // Otherwise another would be there at once.
  await sleep(300);
  assert.equal(starts, 1);
});

test('a thread that cannot even be made is told of, and tried again', async (t) => {
  const causes: string[] = [];
  let starts = 0;
  const birth = { thread: 0, linkPath: join(tmpdir(), `evener-unmade-${process.pid}`) } as BalancerBirth;
  const observer = {
    threadStarted: () => starts++,
    threadSaid: () => {},
    threadDied: (_thread: BalancerThread, cause: string) => causes.push(cause),
  };
  // `new Worker` throws, as it does with EAGAIN where no more threads are allowed.
  const script = new URL('http://localhost/');
  const thread = new BalancerThread(birth, script, observer, new XorShift(1));
  t.after(() => thread.close());
  thread.start();
  await until('two failures', () => causes.length >= 2);
  assert.equal(starts, 0);
  assert.match(causes[0]!, /^it could not be started: The URL must be of scheme/);
  script.href = 'data:text/javascript,setInterval(() => {}, 1000)';
  await until('a start', () => starts === 1);
});

test('its heap is a quarter of the memory at hand, within bounds', () => {
  const sizes = [128, 1024, 4096, 65_536].map((mib) => heapMibFor(mib * 2 ** 20));
  assert.deepEqual(sizes, [256, 256, 1024, 2048]);
});
