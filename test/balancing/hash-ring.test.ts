import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HashRing } from '../../src/balancing/hash-ring.ts';
import { mix32 } from '../../src/core/hash.ts';
import { members, movedOf, sharesOf } from './hashed-keys.ts';

const build = (weights: readonly number[], from = 0): ((key: number) => string) => {
  const all = members(weights, from);
  const ring = new HashRing(all);
  return (key) => all[ring.ownerOf(ring.pointAfter(key))]!.identity;
};

test('shares are near the weights', () => {
  for (const weights of [[1, 1, 1, 1], [1, 2, 4], new Array(50).fill(1)]) {
    const shares = sharesOf(build(weights), weights);
    for (const share of shares) assert.ok(share > 0.55 && share < 1.6, `${shares}`);
  }
});

test('a member more or less moves its own keys and no other', () => {
  for (const n of [2, 3, 10, 64]) {
    const { moved, between } = movedOf(build(new Array(n).fill(1)), build(new Array(n + 1).fill(1)), `member ${n}`);
    assert.ok(moved < 1.6 / (n + 1) && moved > 0.4 / (n + 1), `${n}: ${moved}`);
    assert.equal(between, 0);
  }
});

test("a key at a point is that point's, and the ring is closed", () => {
  const ring = new HashRing(members([1, 1]));
  assert.equal(ring.pointAfter(0), 0);
  assert.equal(ring.pointAfter(2 ** 32 - 1), 0);
  for (let i = 0; i < 1000; i++) assert.ok(ring.pointAfter(mix32(i)) < ring.size);
  assert.equal(ring.ownerOf(ring.size), ring.ownerOf(0));
});
