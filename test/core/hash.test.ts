import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash32, mix32 } from '../../src/core/hash.ts';

test('a hash is an unsigned number of 32 bits, and the same every time', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const hash = hash32(text);
      assert.ok(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32);
      assert.equal(hash32(`x${text}y`, 1, text.length + 1), hash);
    }),
  );
});

test('balancers of all versions agree on hashes', () => {
  const hashes = [hash32(''), hash32('a'), hash32('worker 0'), mix32(1)];
  assert.deepEqual(hashes, [2_872_998_923, 444_641_715, 930_713_195, 1_364_076_727]);
});

test('names that differ in their last character only are far apart', () => {
  const buckets = new Array(16).fill(0);
  for (let i = 0; i < 16_000; i++) buckets[hash32(`10.0.0.${i}`) >>> 28]++;
  for (const n of buckets) assert.ok(Math.abs(n - 1000) < 160, `${buckets}`);
});

test('mixing loses nothing', () => {
  const seen = new Set(Array.from({ length: 100_000 }, (_, i) => mix32(i)));
  assert.equal(seen.size, 100_000);
});
