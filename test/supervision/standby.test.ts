import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createSupervisor, type Supervisor, type SupervisorEvent } from '../../src/index.ts';
import { APPS, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

type Ready = Extract<SupervisorEvent, { type: 'worker-ready' }>;

class Standby {
  readonly events: SupervisorEvent[] = [];
  readonly supervisor: Supervisor;
  url = '';

  constructor(t: TestContext, options: object) {
    this.supervisor = createSupervisor({ app: 'crashes.cjs', cwd: APPS, standby: 1, ...options });
    this.supervisor.subscribe((event) => {
      this.events.push(event);
      if (event.type === 'listening') this.url = `http://127.0.0.1:${event.address.port}`;
    });
    t.after(() => this.supervisor.kill());
  }

  ofType<T extends SupervisorEvent['type']>(type: T): Extract<SupervisorEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<SupervisorEvent, { type: T }> => event.type === type);
  }

  standing(times: number): Promise<unknown> {
    return until(`${times} to stand by`, () => this.ofType('worker-standing-by').length >= times);
  }

  async facts(): Promise<{ pid: number; instance: string }> {
    return JSON.parse((await request(this.url)).body) as { pid: number; instance: string };
  }
}

test('one that stands by takes a dead one’s place, and the dead one’s number stands by next', async (t) => {
  const app = new Standby(t, { workers: 2 });
  await app.supervisor.start();
  await app.standing(1);
  const [first] = app.ofType('worker-standing-by');
  assert.equal(first!.slot, 2);
  assert.equal(app.supervisor.workers, 2);
  for (let i = 0; i < 10; i++) assert.notEqual((await app.facts()).pid, first!.pid, 'it gets no requests');
  const victim = app.ofType('worker-ready').find(({ slot }) => slot === 0)!;
  const killedAtMs = performance.now();
  process.kill(victim.pid, 'SIGKILL');
  const promoted = await until('it to take the place', () =>
    app.ofType('worker-ready').find((event: Ready) => event.inPlaceOf !== null),
  );
  t.diagnostic(`in ${Math.round(performance.now() - killedAtMs)} ms`);
  assert.deepEqual([promoted.pid, promoted.slot, promoted.inPlaceOf], [first!.pid, 2, 0]);
  await app.standing(2);
  assert.equal(app.ofType('worker-standing-by')[1]!.slot, 0);
  const seen = new Map<number, string>();
  await until('both that serve to answer', async () => {
    const { pid, instance } = await app.facts();
    seen.set(pid, instance);
    return seen.size === 2;
  });
  assert.deepEqual([...seen.values()].sort(), ['1', '2'], 'numbers stay unique');
  assert.equal(seen.get(first!.pid), '2');
});

test('the only worker’s requests wait for no boot', async (t) => {
  const app = new Standby(t, { workers: 1, quarantine: 'off' });
  await app.supervisor.start();
  await app.standing(1);
  const waits: number[] = [];
  for (let round = 1; round <= 3; round++) {
    // Another request each time: the same one would be kept from a third worker.
    assert.equal((await request(`${app.url}/exit?${round}`, 'POST')).status, 502);
    const sentAtMs = performance.now();
    assert.equal((await request(app.url)).status, 200);
    waits.push(Math.round(performance.now() - sentAtMs));
    await app.standing(round + 1);
  }
  t.diagnostic(`waited ${waits.join(', ')} ms`);
  assert.equal(app.ofType('worker-ready').length, 4);
});

test('takes a hung one’s place, and one that stands by is restarted when it dies', async (t) => {
  const app = new Standby(t, { app: 'hangs/hangs.cjs', workers: 1, hangLimit: '2s' });
  await app.supervisor.start();
  await app.standing(1);
  const [standing] = app.ofType('worker-standing-by');
  request(`${app.url}/spin`, 'POST').catch(() => {});
  await until('it to be blocked', () => app.ofType('worker-stalled').length > 0);
  assert.equal((await request(app.url)).body, String(standing!.pid));
  await app.standing(2);
  process.kill(app.ofType('worker-standing-by')[1]!.pid, 'SIGKILL');
  await app.standing(3);
  assert.equal(app.ofType('worker-ready').length, 2);
});

test('a reload replaces it as well, and scaling leaves it', async (t) => {
  const app = new Standby(t, { workers: 1 });
  await app.supervisor.start();
  await app.standing(1);
  await app.supervisor.reload();
  await app.standing(2);
  const before = app.ofType('worker-standing-by')[0]!;
  await until('the one of before to go', () => app.ofType('worker-retired').some(({ pid }) => pid === before.pid));
  app.supervisor.scale(2);
  await until('another', () => app.ofType('worker-ready').some(({ slot }) => slot === 2));
  app.supervisor.scale(1);
  assert.equal(app.supervisor.workers, 1);
  const standing = app.ofType('worker-standing-by').at(-1)!;
  process.kill(app.ofType('worker-ready').findLast(({ slot }) => slot === 0)!.pid, 'SIGKILL');
  await until('it to take the place', () =>
    app.ofType('worker-ready').some((event) => event.inPlaceOf === 0 && event.pid === standing.pid),
  );
});
