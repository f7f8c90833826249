import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rng } from '../../src/core/rng.ts';
import { XorShift } from '../../src/core/rng.ts';
import { BackOff } from '../../src/supervision/back-off.ts';

const lowest: Rng = { below: () => 0 };
const highest: Rng = { below: (n) => n - 1 };

function take(backOff: BackOff, n: number): number[] {
  return Array.from({ length: n }, () => backOff.next());
}

test('starts at once, then doubles from 100 ms to 30 s, 25 % either way', () => {
  assert.deepEqual(take(new BackOff(lowest), 12), [0, 75, 150, 300, 600, 1200, 2400, 4800, 9600, 19200, 22500, 22500]);
  assert.deepEqual(take(new BackOff(highest), 4), [0, 125, 250, 500]);
  assert.equal(Math.max(...take(new BackOff(highest), 100)), 37_500);
});

test('can be capped', () => {
  const backOff = new BackOff(highest);
  take(backOff, 50);
  assert.equal(backOff.next(5000), 6250);
});

test('a reset makes the next start immediate', () => {
  const backOff = new BackOff(new XorShift(1));
  take(backOff, 5);
  backOff.reset();
  assert.equal(backOff.next(), 0);
});

test('spreads those that fell together', () => {
  const delays = new Set(Array.from({ length: 20 }, (_, seed) => take(new BackOff(new XorShift(seed + 1)), 8).at(-1)));
  assert.ok(delays.size > 15, `${delays.size} different delays of 20`);
});
