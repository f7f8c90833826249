import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capacityFactors, ReportedCapacity } from '../../src/balancing/reported-capacity.ts';

/** Reports once a second. */
function reporting(
  seconds: number,
  utilization: number,
  rps: number,
  capacity = new ReportedCapacity(),
): ReportedCapacity {
  for (let i = 0; i <= seconds; i++) capacity.report(utilization, rps, 1 + i * 1000);
  return capacity;
}

test('capacity is what a server does at full load', () => {
  assert.equal(Math.round(reporting(20, 0.5, 100).at(20_001)!), 200);
  assert.equal(Math.round(reporting(20, 2, 100).at(20_001)!), 50);
});

test('is not known at first, nor long after the last report, nor of one that serves nobody', () => {
  assert.equal(reporting(5, 0.5, 100).at(5_001), null);
  assert.notEqual(reporting(20, 0.5, 100).at(200_000), null);
  assert.equal(reporting(20, 0.5, 100).at(201_000), null);
  assert.equal(reporting(20, 0.5, 0).at(20_001), null);
});

test('follows what it hears, and not at once', () => {
  const capacity = reporting(20, 0.5, 100);
  capacity.report(1, 100, 25_001);
  const after = capacity.at(25_001)!;
  assert.ok(after < 200 && after > 100, String(after));
});

test('an idle server is not taken for one without end', () => {
  assert.equal(reporting(20, 0, 1).at(20_001), 100);
});

test('factors compare with the average, within bounds, and leave nobody without', () => {
  assert.deepEqual(capacityFactors([100, 300]), [0.5, 1.5]);
  assert.deepEqual(capacityFactors([100, null, 300]), [0.5, 1, 1.5]);
  assert.deepEqual(capacityFactors([null, 300]), [1, 1]);
  const [small, large] = capacityFactors([1, 1_000_000]);
  assert.equal(small, 0.1);
  assert.ok(large! < 2.1);
});
