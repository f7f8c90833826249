import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPolicy, POLICY_NAMES } from '../../src/balancing/policies.ts';
import { XorShift } from '../../src/core/rng.ts';
import { policySuite } from './policy-suite.ts';

for (const name of POLICY_NAMES) policySuite(name, (rng) => createPolicy(name, rng)!);

test('there is no policy of a name that is not listed', () => {
  assert.deepEqual(POLICY_NAMES, ['least-inflight']);
  for (const name of ['', 'LEAST-INFLIGHT', 'toString', 'constructor', '__proto__']) {
    assert.equal(createPolicy(name, new XorShift(1)), null, name);
  }
});
