import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedHash } from '../../src/balancing/bounded-hash.ts';
import { mix32 } from '../../src/core/hash.ts';
import { XorShift } from '../../src/core/rng.ts';
import { endpoints } from './policy-suite.ts';

test('nobody gets more than the bound, whatever the keys, weights and bound are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 100 }),
      fc.integer({ min: 105, max: 300 }),
      fc.integer({ min: 1, max: 40 }),
      (weights, percent, keys) => {
        const bound = percent / 100;
        const policy = new BoundedHash(new XorShift(1), bound);
        const all = endpoints(...weights.map(() => 0));
        all.forEach((endpoint, i) => {
          endpoint.setWeight(weights[i]!);
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let i = 1; i <= 500; i++) {
          const picked = policy.pick(all, null, mix32(i % keys))!;
          picked.inFlight++;
          // Of more than 64 not all is counted each time.
          const uncounted = all.length > 64 ? 2 : 0;
          const allowed = Math.ceil((bound * (i + uncounted) * picked.weight) / total - 1e-9);
          assert.ok(picked.inFlight <= allowed, `${picked.inFlight} in flight of ${i}, allowed ${allowed}`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a key stays where it is while there is room, and goes to the same next one when there is not', () => {
  const policy = new BoundedHash(new XorShift(1), 1.25);
  const all = endpoints(0, 0, 0, 0, 0, 0, 0, 0);
  const key = mix32(99);
  const own = policy.pick(all, null, key)!;
  for (let i = 0; i < 20; i++) assert.equal(policy.pick(all, null, key), own);
  own.inFlight = 100;
  const next = policy.pick(all, null, key)!;
  assert.notEqual(next, own);
  for (let i = 0; i < 20; i++) assert.equal(policy.pick(all, null, key), next);
  own.inFlight = 0;
  assert.equal(policy.pick(all, null, key), own);
});

test('only keys of one that is away go elsewhere, and come back', () => {
  const policy = new BoundedHash(new XorShift(1), 1.25);
  const all = endpoints(0, 0, 0, 0, 0);
  policy.membersChanged(all);
  const keys = Array.from({ length: 2000 }, (_, i) => mix32(i));
  const before = keys.map((key) => policy.pick(all, null, key)!);
  const others = all.filter((endpoint) => endpoint !== all[2]);
  keys.forEach((key, i) => {
    const picked = policy.pick(others, null, key)!;
    if (before[i] === all[2]) assert.ok(others.includes(picked));
    else assert.equal(picked, before[i]);
  });
  assert.deepEqual(
    keys.map((key) => policy.pick(all, null, key)),
    before,
  );
});
