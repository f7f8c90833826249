import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPolicy, POLICY_NAMES } from '../../src/balancing/policies.ts';
import { optionOf } from '../../src/config/schema.ts';
import { XorShift } from '../../src/core/rng.ts';
import { type PolicyTraits, policySuite, USUAL } from './policy-suite.ts';

const KEYED = { ...USUAL, isRandom: false };
const TRAITS: Readonly<Record<string, PolicyTraits>> = {
  // At 160 points each, members of a ring have shares that differ by some 8 %, and the fewest points of many by 25 %.
  hash: { ...KEYED, tolerance: 0.6 },
  maglev: { ...KEYED, tolerance: 0.02 },
  first: { ...USUAL, isRandom: false, spreads: false },
};

for (const name of POLICY_NAMES) policySuite(name, (rng) => createPolicy(name, rng)!, TRAITS[name]);

test('the options know the same policies', () => {
  assert.deepEqual(optionOf('policy').choices, POLICY_NAMES);
});

test('there is no policy of a name that is not listed', () => {
  assert.deepEqual(POLICY_NAMES, [
    'least-inflight',
    'round-robin',
    'random-two',
    'peak-ewma',
    'prequal',
    'hash',
    'maglev',
    'first',
  ]);
  for (const name of ['', 'LEAST-INFLIGHT', 'toString', 'constructor', '__proto__']) {
    assert.equal(createPolicy(name, new XorShift(1)), null, name);
  }
});
