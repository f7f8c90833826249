import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { EvenerError } from '../../src/core/evener-error.ts';
import { CAN_REUSE_PORT } from '../../src/core/reuse-port.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { APPS, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

interface Rig {
  readonly supervisor: Supervisor;
  readonly events: SupervisorEvent[];
  event<T extends SupervisorEvent['type']>(type: T): Promise<Extract<SupervisorEvent, { type: T }>>;
}

function rig(context: TestContext, balancerScript: URL, threads: number, port: number | null = null): Rig {
  const options = resolveOptions({
    app: 'server.cjs',
    cwd: APPS,
    workers: 2,
    threads,
    ...(port === null ? {} : { port }),
    env: { ...process.env, PORT: '0' },
  });
  const supervisor = new Supervisor(options, surroundingsOf(options, balancerScript));
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  context.after(() => supervisor.kill());
  return {
    supervisor,
    events,
    event: (type) =>
      until(
        () => `${type} in ${JSON.stringify(events, null, 1)}`,
        () => events.find((event) => event.type === type) as never,
      ),
  };
}

test('a balancer thread that dies is replaced, and the same workers serve on', async (context) => {
  const mortal = join(tmpdir(), `evener-test-mortal-${process.pid}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const { supervisor, events, event } = rig(context, MORTAL, 1);
  await supervisor.start();
  const { address } = await event('listening');
  const url = `http://localhost:${address.port}/facts`;
  const { pid } = JSON.parse((await request(url)).body) as { pid: number };
  await until('both workers', () => events.filter((one) => one.type === 'worker-ready').length === 2);
  writeFileSync(mortal, '');
  const died = await event('balancer-died');
  assert.match(died.cause, /a balancer thread dies/);
  assert.equal(died.restartInMs, 0);
  // The app asked for any free port, so the next thread may have another.
  const answer = await until('an answer', async () => {
    const last = events.findLast((one) => one.type === 'listening');
    return request(`http://localhost:${last!.address.port}/facts`).catch(() => null);
  });
  assert.equal(answer.status, 200);
  assert.ok(
    events.every((one) => one.type !== 'worker-died'),
    JSON.stringify(events),
  );
  assert.ok(pid > 0);
  await supervisor.close();
  assert.equal(await supervisor.closed, null);
});

for (const victim of [0, 1]) {
  test(`two threads share a port, and thread ${victim} may die`, async (context) => {
    const mortal = join(tmpdir(), `evener-test-mortal-${process.pid}-${victim}`);
    process.env.MORTAL = mortal;
    context.after(() => rmSync(mortal, { force: true }));
    const port = await freePort();
    const { supervisor, events, event } = rig(context, MORTAL, 2, port);
    await supervisor.start();
    await event('listening');
    await until('both workers', () => events.filter((one) => one.type === 'worker-ready').length === 2);
    const url = `http://127.0.0.1:${port}/facts`;
    // Each on a connection of its own, so that both threads get some.
    const ask = () => Promise.all(Array.from({ length: 20 }, () => request(url).then((answer) => answer.status)));
    assert.deepEqual(new Set(await ask()), new Set([200]));
    // Whole at once: a file that is empty yet is for either of them.
    writeFileSync(`${mortal}.new`, String(victim));
    renameSync(`${mortal}.new`, mortal);
    assert.equal((await event('balancer-died')).thread, victim);
    if (!CAN_REUSE_PORT) {
      assert.equal((await supervisor.closed)?.code, 'EVENER_THREAD_LOST');
      return;
    }
    await until('an answer to all of twenty', async () => {
      const statuses = await ask().catch(() => []);
      return statuses.length === 20 && statuses.every((status) => status === 200);
    });
    assert.deepEqual(new Set(await ask()), new Set([200]));
    assert.ok(
      events.every((one) => one.type !== 'worker-died'),
      JSON.stringify(events),
    );
    await supervisor.close();
    assert.equal(await supervisor.closed, null);
  });
}

test('a balancer thread that cannot start ends the start', async (context) => {
  const { supervisor } = rig(context, new URL('data:text/javascript,throw new Error("no thread today")'), 1);
  await assert.rejects(
    supervisor.start(),
    (error) =>
      error instanceof EvenerError && error.code === 'EVENER_START_FAILED' && /no thread today/.test(error.message),
  );
  assert.equal((await supervisor.closed)?.code, 'EVENER_START_FAILED');
});

test('refuses to reload and scale when it does not run', async (context) => {
  const { supervisor } = rig(context, MORTAL, 1);
  assert.throws(() => supervisor.scale(3), { code: 'EVENER_NOT_RUNNING' });
  await assert.rejects(supervisor.reload(), { code: 'EVENER_NOT_RUNNING' });
  await supervisor.close();
  assert.equal(await supervisor.closed, null);
  await assert.rejects(supervisor.start(), { code: 'EVENER_NOT_RUNNING' });
});
