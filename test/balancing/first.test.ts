import assert from 'node:assert/strict';
import { test } from 'node:test';
import { First } from '../../src/balancing/first.ts';
import { endpoints } from './policy-suite.ts';

test('fills one after the other in the order in which they came, whatever the order of the list', () => {
  const policy = new First(2);
  const all = endpoints(0, 0, 0);
  policy.membersChanged(all);
  const list = [all[2]!, all[0]!, all[1]!];
  const picked = Array.from({ length: 9 }, () => {
    const endpoint = policy.pick(list, null)!;
    endpoint.inFlight++;
    return endpoint.id;
  });
  assert.deepEqual(picked.slice(0, 6), [0, 0, 1, 1, 2, 2]);
  assert.deepEqual(picked.slice(6).sort(), [0, 1, 2]);
  all[0]!.inFlight = 1;
  assert.equal(policy.pick(list, null), all[0]);
});

test('one of more weight has more room', () => {
  const policy = new First(2);
  const all = endpoints(5, 0);
  all[0]!.setWeight(3);
  assert.equal(policy.pick(all, null), all[0]);
  all[0]!.inFlight = 6;
  assert.equal(policy.pick(all, null), all[1]);
});
