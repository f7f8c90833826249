import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latency } from '../../src/pool/latency.ts';

test('the peak jumps up at once and comes down slowly', () => {
  const latency = new Latency();
  assert.equal(latency.peakMs(0), 0);
  latency.observe(10, 1, true, 1000);
  latency.observe(500, 1, true, 1001);
  assert.equal(latency.peakMs(1001), 500);
  for (let nowMs = 1002; nowMs < 2000; nowMs++) latency.observe(10, 1, true, nowMs);
  assert.ok(latency.peakMs(2000) > 400);
  for (let nowMs = 2000; nowMs < 60_000; nowMs++) latency.observe(10, 1, true, nowMs);
  assert.ok(Math.abs(latency.peakMs(60_000) - 10) < 3);
});

test('loads are measured apart; of one that was not the nearest is told', () => {
  const latency = new Latency();
  assert.equal(latency.atLoadMs(5, 0), 0);
  latency.observe(10, 1, true, 1000);
  latency.observe(80, 9, true, 1000);
  assert.deepEqual(
    [1, 2, 8, 15, 40].map((load) => latency.atLoadMs(load, 1000)),
    [10, 10, 80, 80, 80],
  );
});

test('what is not measured any more fades', () => {
  const latency = new Latency();
  latency.observe(1000, 1, true, 0);
  assert.ok(latency.peakMs(10_000) < 400 && latency.atLoadMs(1, 10_000) < 400);
  assert.ok(latency.peakMs(100_000) < 1 && latency.atLoadMs(1, 100_000) < 1);
});

test('a failure does not look fast', () => {
  const latency = new Latency();
  latency.observe(100, 1, true, 0);
  for (let nowMs = 0; nowMs < 30_000; nowMs += 10) latency.observe(1, 1, false, nowMs);
  assert.ok(latency.peakMs(30_000) > 95);
  assert.ok(latency.atLoadMs(1, 30_000) > 95);
});
