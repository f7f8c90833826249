import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createSupervisor, type SupervisorEvent } from '../../src/index.ts';
import { APPS, isRunning } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

type Ready = Extract<SupervisorEvent, { type: 'worker-ready' }>;

function readyOf(events: readonly SupervisorEvent[], slot: number): Ready[] {
  return events.filter((event): event is Ready => event.type === 'worker-ready' && event.slot === slot);
}

test('a reload leaves out a worker whose place is taken away while it is replaced', async (t) => {
  const supervisor = createSupervisor({ app: 'server.cjs', cwd: APPS, workers: 2 });
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  const ready = (slot: number): Ready[] => readyOf(events, slot);
  await supervisor.start();
  await until('both workers', () => ready(0).length === 1 && ready(1).length === 1);
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
    20_000,
  );
  const pids = readyOf(events, 0).map(({ pid }) => pid);
  assert.equal(pids.length, 1 + replaced.length);
  await until('all but the last to end', () => pids.slice(0, -1).every((pid) => !isRunning(pid)));
  assert.ok(isRunning(pids.at(-1)!));
});

test('a worker that came into its place while that was drained is started again when it dies', async (t) => {
  const supervisor = createSupervisor({ app: 'server.cjs', cwd: APPS, workers: 2 });
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  await supervisor.start();
  await until('both workers', () => readyOf(events, 0).length === 1 && readyOf(events, 1).length === 1);
  const restarted = supervisor.restart(0);
  await turn();
  supervisor.drain(0);
  await restarted;
  process.kill(readyOf(events, 0)[1]!.pid, 'SIGKILL');
  await until('another', () => readyOf(events, 0).length === 3);
});
