import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XorShift } from '../../src/core/rng.ts';

test('numbers lie below n, and each comes as often as another', () => {
  for (const seed of [0, 1, 2, 0xffffffff, -1]) {
    const rng = new XorShift(seed);
    for (const n of [1, 2, 3, 7, 16]) {
      const counts = Array.from({ length: n }, () => 0);
      for (let i = 0; i < n * 1000; i++) counts[rng.below(n)]!++;
      for (const count of counts) assert.ok(Math.abs(count - 1000) < 170, `seed ${seed}, n ${n}: ${counts}`);
    }
  }
});

test('the same seed gives the same numbers, none gives others', () => {
  const take = (rng: XorShift): string => Array.from({ length: 20 }, () => rng.below(1000)).join();
  assert.equal(take(new XorShift(7)), take(new XorShift(7)));
  assert.notEqual(take(new XorShift()), take(new XorShift()));
});
