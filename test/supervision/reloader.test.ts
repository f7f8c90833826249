import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { Incident } from '../../src/core/incident.ts';
import { createSupervisor, type SupervisorEvent } from '../../src/index.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { APPS, isRunning, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { ServerProcess } from '../support/server-process.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

/** Whatever a busy machine does in between, a worker that has just been started is not ready yet. */
const SLOW_TO_BOOT = { app: 'deliveries.cjs', args: ['/dev/null', '500'], cwd: APPS };

type Ready = Extract<SupervisorEvent, { type: 'worker-ready' }>;

function readyOf(events: readonly SupervisorEvent[], slot: number): Ready[] {
  return events.filter((event): event is Ready => event.type === 'worker-ready' && event.slot === slot);
}

/** Two workers, and all that is told of them. */
async function twoReady(t: TestContext): Promise<{ supervisor: Supervisor; events: readonly SupervisorEvent[] }> {
  const supervisor = createSupervisor({ ...SLOW_TO_BOOT, workers: 2 });
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  await supervisor.start();
  await until('both workers', () => readyOf(events, 0).length === 1 && readyOf(events, 1).length === 1);
  return { supervisor, events };
}

test('a reload leaves out a worker whose place is taken away while it is replaced', async (t) => {
  const { supervisor, events } = await twoReady(t);
  const ready = (slot: number): Ready[] => readyOf(events, slot);
  const replaced = new Promise<void>((resolve) => {
    supervisor.subscribe((event) => event.type === 'worker-ready' && event.slot === 0 && resolve());
  });
  const reload = supervisor.reload();
  await replaced;
  // The second one's successor has been started, and takes longer than that to be ready.
  await turn();
  supervisor.scale(1);
  await reload;
  assert.deepEqual(
    events.filter(({ type }) => type.startsWith('reload-')).map(({ type }) => type),
    ['reload-started', 'reload-done'],
  );
  assert.deepEqual([ready(0).length, ready(1).length, supervisor.workers], [2, 1, 1]);
});

test('whoever waits to restart a worker whose place is taken away is told so', async (t) => {
  const { supervisor } = await twoReady(t);
  const restarts = Promise.allSettled([supervisor.restart(1), supervisor.restart(1)]);
  await turn();
  supervisor.scale(1);
  const reasons = (await restarts).map((one) => (one.status === 'rejected' ? String(one.reason.message) : 'done'));
  assert.deepEqual(reasons, Array(2).fill('its place was taken away meanwhile'));
});

test('several that replace the same worker do so one after the other, and leave one behind', async (t) => {
  const supervisor = createSupervisor({ app: 'server.cjs', cwd: APPS, workers: 1 });
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  await supervisor.start();
  const replaced = [supervisor.restart(0), supervisor.restart(0), supervisor.restart(0), supervisor.reload()];
  await until(
    () => `all to be done: ${events.map(({ type }) => type).join(' ')}`,
    () => Promise.race([Promise.all(replaced), turn()]),
  );
  const pids = readyOf(events, 0).map(({ pid }) => pid);
  assert.equal(pids.length, 1 + replaced.length);
  await until('all but the last to end', () => pids.slice(0, -1).every((pid) => !isRunning(pid)));
  assert.ok(isRunning(pids.at(-1)!));
});

test('a worker that came into its place while that was drained is started again when it dies', async (t) => {
  const { supervisor, events } = await twoReady(t);
  const restarted = supervisor.restart(0);
  await turn();
  supervisor.drain(0);
  await restarted;
  process.kill(readyOf(events, 0)[1]!.pid, 'SIGKILL');
  await until('another', () => readyOf(events, 0).length === 3);
});

test('a reload leaves the incidents of a pool of servers open, until the pool is taken out', async (t) => {
  const pool = {
    listen: '127.0.0.1:0',
    servers: [`http://127.0.0.1:${await freePort()}`],
    health: { interval: '50ms' },
  };
  const app = { app: 'server.cjs', workers: 1, cwd: APPS };
  let next = resolveOptions({ apps: { app }, pools: { pool } });
  const supervisor = new Supervisor(next, { ...surroundingsOf(next, MORTAL), reread: async () => next });
  t.after(() => supervisor.kill());
  await supervisor.start();
  const down = (): Incident | undefined => supervisor.incidents.list().find(({ kind }) => kind === 'server-down');
  await until('its server to be down', down);
  await supervisor.reload();
  assert.equal(down()?.recovery, null);
  next = resolveOptions({ apps: { app } });
  await supervisor.reload();
  assert.equal(down()?.recovery, 'it was taken out');
});

test('a server that was down as it was talked to before is told to be up when a reload has mended that', async (t) => {
  const server = await ServerProcess.start(t, 'a');
  await request(`${server.url}/become?status=500`);
  const listen = `127.0.0.1:${await freePort()}`;
  const optionsWith = (path: string) => {
    return resolveOptions({ pools: { pool: { listen, servers: [server.url], health: { path, interval: '50ms' } } } });
  };
  let next = optionsWith('/healthz');
  const supervisor = new Supervisor(next, { ...surroundingsOf(next, MORTAL), reread: async () => next });
  t.after(() => supervisor.kill());
  await supervisor.start();
  const state = (): string => supervisor.pools[0]!.servers[0]!.state;
  await until('it to be down', () => state() === 'unhealthy');
  next = optionsWith('/');
  await supervisor.reload();
  await until('it to be up', () => state() === 'up');
  assert.deepEqual(supervisor.incidents.open(), []);
  // Without checks it is down once no connection can be made.
  const dead = `http://127.0.0.1:${await freePort()}`;
  const elsewhere = async () => `127.0.0.1:${await freePort()}`;
  next = resolveOptions({ pools: { pool: { listen, servers: [server.url, dead], connectTimeout: '1s' } } });
  await supervisor.reload();
  const stateOfDead = (): string => supervisor.pools[0]!.servers[1]!.state;
  await until('the other to be down', async () => {
    await request(`http://${listen}/`);
    return stateOfDead() === 'unreachable';
  });
  next = resolveOptions({ pools: { pool: { listen: await elsewhere(), servers: [server.url, dead] } } });
  await supervisor.reload();
  await until('it to be tried anew', () => stateOfDead() === 'up');
});
