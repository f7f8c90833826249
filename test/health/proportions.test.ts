import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chanceOfAsMany } from '../../src/health/proportions.ts';

function near(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-6 * expected, `${actual}, not ${expected}`);
}

test('is exact where it can be counted by hand', () => {
  // Fisher's lady tasting tea: 4 of 4 right, of 8 cups, is one way in 70; 3 or more are 17.
  near(chanceOfAsMany(4, 4, 0, 4), 1 / 70);
  near(chanceOfAsMany(3, 4, 1, 4), 17 / 70);
  // All three failures of a thousand in the hundred: C(100,3) / C(1000,3).
  near(chanceOfAsMany(3, 100, 0, 900), (100 * 99 * 98) / (1000 * 999 * 998));
});

test('says nothing where the first has no larger share', () => {
  assert.equal(chanceOfAsMany(1, 10, 10, 100), 1);
  assert.equal(chanceOfAsMany(0, 10, 0, 100), 1);
  assert.equal(chanceOfAsMany(0, 0, 5, 100), 1);
});

test('agrees with counting all the ways', () => {
  const choose = (n: number, k: number): number => {
    let ways = 1;
    for (let i = 0; i < k; i++) ways = (ways * (n - i)) / (i + 1);
    return ways;
  };
  const small = fc.integer({ min: 1, max: 40 });
  const cases = fc.tuple(small, small, fc.nat(), fc.nat());
  fc.assert(
    fc.property(cases, ([size, otherSize, a, b]) => {
      const [hits, otherHits] = [a % (size + 1), b % (otherSize + 1)];
      const all = hits + otherHits;
      let sum = 0;
      for (let x = hits; x <= Math.min(all, size); x++) sum += choose(size, x) * choose(otherSize, all - x);
      const expected = sum / choose(size + otherSize, all);
      const isMore = hits / size > otherHits / otherSize;
      if (isMore) near(chanceOfAsMany(hits, size, otherHits, otherSize), expected);
    }),
  );
});

test('holds for samples of a million', () => {
  const chance = chanceOfAsMany(1_300, 1_000_000, 9_900, 9_000_000);
  assert.ok(chance > 0 && chance < 1e-6, String(chance));
  assert.ok(chanceOfAsMany(1_110, 1_000_000, 9_900, 9_000_000) > 0.1);
});
