import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FromSupervisor } from '../../src/channel/messages.ts';
import type { AppOptions } from '../../src/config/options.ts';
import { Readiness } from '../../src/supervision/readiness.ts';
import type { WorkerProcess } from '../../src/supervision/worker-process.ts';
import { WorkerState } from '../../src/supervision/worker-state.ts';

const OPTIONS = { ready: 'listen', healthPath: '/health' } as unknown as AppOptions;

/** The part of a worker that is looked at. */
interface Asked {
  incarnation: number;
  state: WorkerState;
  healthStatus: number | null;
}

/** Answers one question after the other. */
function asking(worker: Asked, answers: (() => number)[]): Promise<boolean> {
  const readiness: Readiness = new Readiness((message: FromSupervisor) => {
    const answer = answers.shift();
    assert.ok(answer !== undefined && message.type === 'check-worker');
    setImmediate(() => readiness.checked(message.check, answer()));
  });
  return readiness.passed(worker as unknown as WorkerProcess, OPTIONS);
}

test('a worker has passed when it answers with 2xx or 3xx, and is asked until then', async () => {
  const worker: Asked = { incarnation: 1, state: WorkerState.Starting, healthStatus: null };
  assert.ok(await asking(worker, [() => 503, () => 204]));
  assert.equal(worker.healthStatus, 503);
});

test('that it was stopped under a question is not its last answer', async () => {
  const worker: Asked = { incarnation: 1, state: WorkerState.Starting, healthStatus: null };
  const stopped = (): number => {
    worker.state = WorkerState.Stopping;
    return 0;
  };
  assert.ok(!(await asking(worker, [() => 500, stopped])));
  assert.equal(worker.healthStatus, 500);
});

test('a question that was answered keeps no process', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  assert.ok(await asking({ incarnation: 1, state: WorkerState.Starting, healthStatus: null }, [() => 200]));
  assert.equal(timers(), before);
});
