import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SupervisorEvent, WorkerFacts } from '../../src/supervision/events.ts';
import { RestartCounts } from '../../src/supervision/restart-counts.ts';

const STARTED: SupervisorEvent = { type: 'reload-started', workers: 2, atNextStart: [] };
const DONE: SupervisorEvent = { type: 'reload-done', tookMs: 1 };

function worker(slot: number, pid: number): WorkerFacts {
  return { app: 'shop', slot, pid };
}

function ready(slot: number, pid: number): SupervisorEvent {
  return { type: 'worker-ready', ...worker(slot, pid), bootMs: 1, failedStarts: 0, restarts: 0, inPlaceOf: null };
}

function standing(slot: number, pid: number): SupervisorEvent {
  return { type: 'worker-standing-by', ...worker(slot, pid), bootMs: 1 };
}

function retired(slot: number, pid: number): SupervisorEvent {
  return { type: 'worker-retired', ...worker(slot, pid) };
}

function died(slot: number, pid: number): SupervisorEvent {
  const report = { kind: 'exit', exitCode: 1, signal: null, error: null, tail: [] } as const;
  const facts = {
    cause: 'exit code 1',
    report,
    inFlight: [],
    inFlightCount: 0,
    restartInMs: 0,
    replacedBy: null,
    restarts: 1,
  };
  return { type: 'worker-died', ...worker(slot, pid), ...facts };
}

/** What is counted of these events, of causes that there were. */
function countsOf(...events: SupervisorEvent[]): Record<string, number> {
  const counts = new RestartCounts();
  for (const event of events) counts.see(event);
  const read = counts.read(['shop']).filter(({ count }) => count > 0);
  return Object.fromEntries(read.map(({ cause, count }) => [cause, count]));
}

test('a reload counts every worker that it replaces, one that ends after it too', () => {
  const first = [ready(0, 10), ready(1, 11)];
  const reload = [STARTED, ready(0, 20), ready(1, 21), retired(1, 11), DONE, retired(0, 10)];
  assert.deepEqual(countsOf(...first, ...reload), { reload: 2 });
});

test('a reload counts those that stand by, and not one that takes a place meanwhile', () => {
  const first = [ready(0, 10), standing(1, 11)];
  const reload = [STARTED, standing(1, 21), retired(1, 11), died(0, 10), ready(1, 21), standing(0, 20), DONE];
  assert.deepEqual(countsOf(...first, ...reload), { reload: 1, crash: 1 });
});

test('a reload does not count workers of a place, or an app, that is taken away meanwhile', () => {
  assert.deepEqual(countsOf(ready(0, 10), ready(1, 11), STARTED, retired(1, 11), DONE), {});
});

test('a worker that is taken back counts as the one that was started in the place of another', () => {
  const back = [STARTED, ready(0, 20), retired(0, 20), { type: 'reload-failed', reason: 'worse' } as const];
  assert.deepEqual(countsOf(ready(0, 10), ...back), { reload: 1 });
  assert.deepEqual(countsOf(ready(0, 10), ...back, STARTED, ready(0, 30), DONE, retired(0, 10)), { reload: 2 });
});

test('one that dies, or is restarted as asked, while a reload runs is counted as that', () => {
  assert.deepEqual(countsOf(ready(0, 10), STARTED, died(0, 10), ready(0, 20), DONE), { crash: 1 });
  const asked: SupervisorEvent = { type: 'worker-restarting', ...worker(0, 10) };
  assert.deepEqual(countsOf(ready(0, 10), STARTED, asked, ready(0, 20), DONE, retired(0, 10)), { asked: 1 });
});
