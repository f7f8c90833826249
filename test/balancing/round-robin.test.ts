import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoundRobin } from '../../src/balancing/round-robin.ts';
import { XorShift } from '../../src/core/rng.ts';
import { endpoints } from './policy-suite.ts';

test('a round has everybody as often as its weight says, whatever the seed', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const policy = new RoundRobin(new XorShift(seed));
    const all = endpoints(0, 0, 0);
    [5, 1, 1].forEach((weight, i) => {
      all[i]!.setWeight(weight);
    });
    const picks = Array.from({ length: 700 }, () => policy.pick(all, null)!.id);
    const counts = [0, 1, 2].map((id) => picks.filter((one) => one === id).length);
    assert.deepEqual(
      counts.map((n) => Math.round(n / 100)),
      [5, 1, 1],
    );
    // Smooth: the light ones come between, so that the heavy one is never picked seven times on end.
    assert.equal(picks.join('').includes('0000000'), false);
  }
});

test('goes on where it was when somebody has been away', () => {
  const policy = new RoundRobin(new XorShift(1));
  const all = endpoints(0, 0, 0, 0);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 4000; i++) {
    // With every pick another one is away.
    const picked = policy.pick(
      all.filter((_, at) => at !== i % 4),
      null,
    )!;
    counts[picked.id]!++;
  }
  for (const n of counts) assert.ok(Math.abs(n - 1000) < 20, `${counts}`);
});
