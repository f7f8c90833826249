import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LeastInFlight } from '../../src/balancing/least-in-flight.ts';
import { XorShift } from '../../src/core/rng.ts';
import { assertEven, countPicks, endpoints, pick } from './policy-suite.ts';

const policy = new LeastInFlight(new XorShift(1));

test('picks one with the least in flight, whatever the others have', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }), fc.nat(30), (loads, place) => {
      const eligible = endpoints(...loads);
      const avoid = eligible[place] ?? null;
      const others = eligible.filter((endpoint) => endpoint !== avoid);
      const picked = pick(policy, eligible, avoid);
      if (others.length === 0) return assert.equal(picked, null);
      assert.equal(picked!.inFlight, Math.min(...others.map((endpoint) => endpoint.inFlight)));
      assert.notEqual(picked, avoid);
    }),
  );
});

test('spreads requests over those that tie, wherever they stand in the list', () => {
  const picks = countPicks(policy, endpoints(1, 9, 1, 5, 1, 2, 1), 4000);
  assertEven([picks[0]!, picks[2]!, picks[4]!, picks[6]!]);
  assert.deepEqual([picks[1], picks[3], picks[5]], [0, 0, 0]);
});
