import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomTwo } from '../../src/balancing/random-two.ts';
import { XorShift } from '../../src/core/rng.ts';
import { countPicks, endpoints } from './policy-suite.ts';

test('never picks the most loaded, and the least loaded most', () => {
  const picks = countPicks(new RandomTwo(new XorShift(1)), endpoints(3, 2, 1, 0), 6000);
  assert.equal(picks[0], 0);
  // Of the six pairs one, two and three are won.
  for (const id of [1, 2, 3]) assert.ok(Math.abs(picks[id]! - id * 1000) < 250, `${picks}`);
});
