import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { XorShift } from '../../src/core/rng.ts';
import { createSupervisor, type SupervisorEvent } from '../../src/index.ts';
import { Recycler, type RecyclerHost } from '../../src/supervision/recycler.ts';
import type { WorkerFleet } from '../../src/supervision/worker-fleet.ts';
import { APPS, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

class Running {
  readonly events: SupervisorEvent[] = [];
  url = '';

  static async start(t: TestContext, options: object): Promise<Running> {
    const running = new Running();
    const supervisor = createSupervisor({ app: 'leak.cjs', cwd: APPS, workers: 2, ...options });
    supervisor.subscribe((event) => {
      running.events.push(event);
      if (event.type === 'listening') running.url = `http://127.0.0.1:${event.address.port}`;
    });
    t.after(() => supervisor.kill());
    await supervisor.start();
    return running;
  }

  ofType<T extends SupervisorEvent['type']>(type: T): Extract<SupervisorEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SupervisorEvent, { type: T }> => event.type === type);
  }

  /** Sends one request after another until it is so. @returns how many */
  async loadUntil(condition: () => boolean, path: string = '/'): Promise<number> {
    let requests = 0;
    await until(
      'it under load',
      async () => {
        for (let i = 0; i < 10; i++, requests++) assert.equal((await request(this.url + path)).status, 200);
        return condition();
      },
      60_000,
    );
    return requests;
  }

  /** Nobody is retired before another is ready in its place. */
  assertOneReadyFirst(workers: number): void {
    let ready = 0;
    for (const { type } of this.events) {
      if (type === 'worker-ready') ready++;
      if (type === 'worker-retired' || type === 'worker-died') ready--;
      assert.ok(ready <= workers + 2, 'one at a time');
      if (type === 'worker-retired') assert.ok(ready >= workers, 'never fewer than there should be');
    }
  }
}

test('replaces workers that have served enough, one at a time, each not quite at the same count', async (t) => {
  const running = await Running.start(t, { app: 'server.cjs', maxRequests: 30 });
  await running.loadUntil(() => running.ofType('worker-retired').length >= 3);
  const expired = running.ofType('worker-expired');
  assert.ok(expired.every(({ cause, limit, value }) => cause === 'requests' && limit === 30 && value >= 27));
  running.assertOneReadyFirst(2);
});

test('replaces workers that are old', async (t) => {
  const running = await Running.start(t, { app: 'server.cjs', maxAge: '2s' });
  await running.loadUntil(() => running.ofType('worker-retired').length >= 2);
  const [first] = running.ofType('worker-expired');
  assert.ok(first!.cause === 'age' && first!.value >= 1_800);
  running.assertOneReadyFirst(2);
});

test('ends a worker at once that is half as large again as it may be', async (t) => {
  // A worker takes 45 MB by itself, and here 8 MB more with each request.
  const running = await Running.start(t, { workers: 1, maxMemory: '60MB' });
  let failed = 0;
  await until('it to be ended', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => request(running.url)));
    failed += answers.filter(({ status }) => status !== 200).length;
    return running.ofType('worker-too-large').some(({ isKilled }) => isKilled);
  });
  const killed = running.ofType('worker-too-large').find(({ isKilled }) => isKilled)!;
  assert.ok(killed.bytes > 90e6);
  const died = await until('its end', () => running.ofType('worker-died').find(({ pid }) => pid === killed.pid));
  assert.equal(died.report.kind, 'too-large');
  t.diagnostic(`${failed} requests failed`);
});

test('announces a worker that will outgrow its limit, once and before it does', () => {
  const events: SupervisorEvent[] = [];
  let nowMs = 100_000;
  const worker = { pid: 7, slot: 0, plan: { app: 'app' }, startedAtMs: 0, bootMs: 100 };
  const fleet = {
    options: { maxMemoryBytes: 200e6, maxAgeMs: 0, maxRequests: 0 },
    in: () => [worker],
    slots: new Map([[0, { current: worker, replace: async () => {} }]]),
  } as unknown as WorkerFleet;
  const host: RecyclerHost = {
    isClosing: false,
    mayReplace: () => true,
    fleets: () => [fleet],
    requestsOf: () => 0,
    emit: (event) => events.push(event),
  };
  const recycler = new Recycler(host, new XorShift(1), () => nowMs);
  for (let second = 0; second < 120; second++, nowMs += 1000) {
    recycler.looked(new Map([[7, 100e6 + second * 1e6]]));
  }
  assert.deepEqual(
    events.map(({ type }) => type).filter((type, i, types) => type !== types[i - 1]),
    ['worker-will-outgrow', 'worker-too-large'],
  );
  const announced = events[0] as Extract<SupervisorEvent, { type: 'worker-will-outgrow' }>;
  assert.ok(announced.inMs > 80_000 && announced.inMs < 90_000, String(announced.inMs));
});

test('ends one that is far too large while a reload tries another out, and that other one, too; replaces none then', () => {
  const ended: number[] = [];
  const [large, larger, tried] = [1, 2, 3].map((pid) => ({ pid, slot: pid % 3, plan: { app: 'app' }, startedAtMs: 0 }));
  const fleet = {
    options: { maxMemoryBytes: 100e6, maxAgeMs: 1, maxRequests: 1 },
    in: () => [large, larger, tried],
    slots: new Map([large, larger].map((worker) => [worker!.slot, { current: worker, replace: assert.fail }])),
    endTooLarge: ({ pid }: { pid: number }) => ended.push(pid),
  } as unknown as WorkerFleet;
  const host = {
    isClosing: false,
    mayReplace: () => false,
    fleets: () => [fleet],
    requestsOf: () => 9,
    emit: () => {},
  };
  const bytes = new Map([1, 2, 3].map((pid) => [pid, pid === 1 ? 140e6 : 160e6]));
  new Recycler(host, new XorShift(1), () => 9_000).looked(bytes);
  assert.deepEqual(ended, [2, 3]);
  new Recycler({ ...host, isClosing: true }, new XorShift(1), () => 9_000).looked(bytes);
  assert.equal(ended.length, 2);
});
