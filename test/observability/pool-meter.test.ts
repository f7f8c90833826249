import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import { Method } from '../../src/http1/methods.ts';
import { bucketOf } from '../../src/observability/histogram.ts';
import { Meters } from '../../src/observability/meters.ts';
import { PoolMeter, PoolReading } from '../../src/observability/pool-meter.ts';
import { RecentRates } from '../../src/observability/recent-rates.ts';
import { sharedNowMs } from '../../src/observability/shared-memory.ts';
import { WorkerMeter } from '../../src/observability/worker-meter.ts';

const GET = {
  method: Method.Get,
  status: 200,
  outcome: Outcome.Completed,
  startedAtMs: 1000,
  openedAtMs: 1002,
  bytesIn: 100,
  bytesOut: 1000,
};

test('adds up what several threads have counted', () => {
  const meters = new Meters(2);
  const threads = [0, 1].map((thread) => new PoolMeter(meters.pool('web'), thread));
  for (const meter of threads) {
    meter.admitted();
    meter.admitted();
    meter.queued(1);
    meter.finished(GET, true, 1010);
  }
  threads[0]!.finished({ ...GET, status: 404, method: Method.Post }, false, 1500);
  threads[1]!.finished({ ...GET, status: 0, method: 200, outcome: Outcome.ClientLeft, openedAtMs: 0 }, false, 1001);
  threads[1]!.refused(Outcome.ClientBadRequest, 400);
  const reading = meters.readPool('web');
  assert.deepEqual([reading.requests, reading.active, reading.queued, reading.inFlight], [4, 2, 2, 0]);
  assert.deepEqual([reading.bytesIn, reading.bytesOut, reading.finished], [400, 4000, 5]);
  assert.deepEqual([reading.durationMs, reading.queuedMs], [10 + 10 + 500 + 1, 2 + 2 + 2 + 1]);
  assert.equal(reading.durations[bucketOf(10)], 2);
  assert.equal(reading.outcomes[Outcome.ClientBadRequest], 1);
  assert.deepEqual(
    [...reading.responses()],
    [
      { status: 0, method: 'OTHER', count: 1 },
      { status: 200, method: 'GET', count: 2 },
      { status: 400, method: 'OTHER', count: 1 },
      { status: 404, method: 'POST', count: 1 },
    ],
  );
});

test('a thread that takes the place of a dead one counts on, with nothing under way', () => {
  const meters = new Meters(1);
  const first = new PoolMeter(meters.pool('web'), 0);
  first.admitted();
  first.admitted();
  first.finished(GET, true, 1010);
  const worker = new WorkerMeter(meters.worker(7), 0);
  worker.setInFlight(3);
  worker.finished(2);
  meters.threadDied(0);
  assert.deepEqual([meters.readPool('web').active, meters.readPool('web').requests], [0, 2]);
  assert.deepEqual([meters.readWorker(7).inFlight, meters.readWorker(7).requests], [0, 1]);
  new PoolMeter(meters.pool('web'), 0).admitted();
  assert.deepEqual([meters.readPool('web').active, meters.readPool('web').requests], [1, 3]);
});

test('tells of a silent worker for how long it has been', () => {
  const meters = new Meters(2);
  const [one, other] = [0, 1].map((thread) => new WorkerMeter(meters.worker(1), thread));
  one!.setLoop(3, 0.25);
  other!.setLoop(5, 0.2);
  assert.deepEqual(meters.readWorker(1), {
    inFlight: 0,
    requests: 0,
    loopDelayMs: 5,
    utilization: 0.25,
    isStalled: false,
  });
  const askedAtMs = performance.now() - 4000;
  one!.setAskedAt(askedAtMs);
  one!.setStalled(true);
  const reading = meters.readWorker(1);
  assert.ok(reading.loopDelayMs >= 4000 && reading.loopDelayMs < 60_000, `${reading.loopDelayMs} ms`);
  assert.ok(Math.abs(sharedNowMs(askedAtMs) - (Date.now() - 4000)) < 10_000);
  assert.deepEqual([reading.utilization, reading.isStalled], [1, true]);
  one!.unlinked();
  assert.deepEqual([meters.readWorker(1).isStalled, meters.readWorker(1).loopDelayMs], [false, 5]);
});

test('tells the rates and percentiles of the last ten seconds only', () => {
  const meters = new Meters(1);
  const meter = new PoolMeter(meters.pool('web'), 0);
  const rates = new RecentRates();
  const facts = (nowMs: number): ReturnType<RecentRates['facts']> => rates.facts(meters.readPool('web'), nowMs);
  assert.deepEqual(facts(0), { requestsPerSecond: 0, errorsPerSecond: 0, p50Ms: null, p95Ms: null, p99Ms: null });
  for (let i = 0; i < 100; i++) meter.finished(GET, false, 9000);
  for (let second = 0; second <= 10; second++) {
    rates.sample(meters.readPool('web'), second * 1000);
    for (let i = 0; i < 5; i++) meter.finished(GET, false, 1010);
    meter.finished({ ...GET, status: 502, outcome: Outcome.EndpointReset }, false, 1010);
    meter.finished({ ...GET, status: 200, outcome: Outcome.EndpointAborted }, false, 1010);
  }
  const { requestsPerSecond, errorsPerSecond, p50Ms, p99Ms } = facts(11_000);
  assert.deepEqual([requestsPerSecond, errorsPerSecond], [7, 2]);
  assert.ok(p50Ms! > 9 && p50Ms! < 11 && p99Ms! < 11, `${p50Ms}, ${p99Ms}`);
});

test('reads what no thread has counted as nothing', () => {
  const reading = new PoolReading([]);
  assert.deepEqual([reading.finished, reading.inFlight, [...reading.responses()].length], [0, 0, 0]);
});
