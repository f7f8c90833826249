import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppStatus, WorkerStatus } from '../../src/dashboard/page/api-types.ts';
import { History, KEPT_SAMPLES, STRIP_SAMPLES } from '../../src/dashboard/page/history.ts';

function app(requestsPerSecond: number): AppStatus[] {
  const recent = { requestsPerSecond, errorsPerSecond: 0, p50Ms: 1, p95Ms: 2, p99Ms: null };
  return [{ name: 'shop', recent } as AppStatus];
}

function worker(pid: number | null, requests: number, state: WorkerStatus['state'] = 'ready'): WorkerStatus {
  const eventLoop = { delayMs: 1, utilization: 0.5 };
  return { id: '0', app: 'shop', slot: 0, pid, state, inFlight: 2, requests, memory: 5, eventLoop } as WorkerStatus;
}

test('ten minutes are kept, and no more', () => {
  const history = new History();
  for (let second = 0; second < 2 * KEPT_SAMPLES; second++) history.addApps(app(second), 1000 + second);
  const { times, requests, p99 } = history.app('shop');
  assert.equal(times.length, KEPT_SAMPLES);
  assert.equal(requests.length, KEPT_SAMPLES);
  assert.equal(p99.length, KEPT_SAMPLES);
  assert.equal(times.at(-1), 1000 + 2 * KEPT_SAMPLES - 1);
  assert.equal(requests.at(-1), 2 * KEPT_SAMPLES - 1);
});

test('a silence is a gap, and time does not go back', () => {
  const history = new History();
  history.addApps(app(1), 100);
  history.addApps(app(2), 101);
  history.addApps(app(3), 130);
  history.addApps(app(4), 120);
  const { times, requests } = history.app('shop');
  assert.deepEqual(times, [100, 101, 102, 130]);
  assert.deepEqual(requests, [1, 2, null, 3]);
});

test('what Evener kept comes first, what comes now follows', () => {
  const history = new History();
  history.addApps(app(9), 103);
  const [requestsPerSecond, errorsPerSecond, p50Ms, p95Ms, p99Ms] = [
    [5, 6],
    [0, 1],
    [1, 1],
    [2, 2],
    [null, 3],
  ];
  history.seed([{ name: 'shop', times: [101, 102], requestsPerSecond, errorsPerSecond, p50Ms, p95Ms, p99Ms }]);
  history.addApps(app(7), 103);
  const { times, requests, p99 } = history.app('shop');
  assert.deepEqual(times, [101, 102, 103]);
  assert.deepEqual(requests, [5, 6, 7]);
  assert.deepEqual(p99, [null, 3, null]);
});

test('the rate of a worker is that of the last samples', () => {
  const history = new History();
  for (let second = 0; second < 300; second++)
    history.addWorkers([worker(1, second < 290 ? 0 : (second - 289) * 50)], second * 1000);
  const series = history.worker(worker(1, 0))!;
  assert.equal(series.requestsPerSecond, 50);
  assert.equal(series.utilization.length, STRIP_SAMPLES);
});

test('another process in the same place begins anew', () => {
  const history = new History();
  history.addWorkers([worker(1, 100)], 0);
  history.addWorkers([worker(1, 200, 'stalled')], 1000);
  assert.deepEqual(history.worker(worker(1, 0))!.isStalled, [false, true]);
  assert.deepEqual(history.worker(worker(1, 0))!.utilization, [0.5, 1]);
  history.addWorkers([worker(2, 3)], 2000);
  assert.deepEqual(history.worker(worker(2, 0))!.isStalled, [false]);
  assert.equal(history.worker(worker(2, 0))!.requestsPerSecond, 0);
  assert.equal(history.worker(worker(1, 0)), null);
  history.addWorkers([worker(null, 0, 'waiting')], 3000);
  assert.equal(history.worker(worker(null, 0)), null);
});
