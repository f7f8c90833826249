import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createSupervisor, type SupervisorEvent } from '../../src/index.ts';
import { APPS } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

type Ready = Extract<SupervisorEvent, { type: 'worker-ready' }>;

test('a reload leaves out a worker whose place is taken away while it is replaced', async (t) => {
  const supervisor = createSupervisor({ app: 'server.cjs', cwd: APPS, workers: 2 });
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => void events.push(event));
  const ready = (slot: number): Ready[] =>
    events.filter((event): event is Ready => event.type === 'worker-ready' && event.slot === slot);
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
