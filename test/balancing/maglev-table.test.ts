import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MaglevTable } from '../../src/balancing/maglev-table.ts';
import { members, movedOf, sharesOf } from './hashed-keys.ts';

const build = (weights: readonly number[]): ((key: number) => string) => {
  const all = members(weights);
  const table = new MaglevTable(all);
  return (key) => all[table.ownerOf(key)]!.identity;
};

test('shares are the weights, to a few percent', () => {
  for (const weights of [[1], [1, 1, 1, 1], [1, 2, 4], [1000, 1, 500], new Array(50).fill(1)]) {
    const shares = sharesOf(build(weights), weights);
    shares.forEach((share, i) => {
      const expected = (50_000 * weights[i]!) / weights.reduce((sum, weight) => sum + weight, 0);
      const tolerance = 0.03 + 5 / Math.sqrt(expected);
      assert.ok(Math.abs(share - 1) < tolerance, `${i} of ${weights}: ${share}`);
    });
  }
});

test('a member more or less moves its own keys and few others', () => {
  for (const n of [2, 3, 10, 64]) {
    const { moved, between } = movedOf(build(new Array(n).fill(1)), build(new Array(n + 1).fill(1)), `member ${n}`);
    assert.ok(Math.abs(moved - 1 / (n + 1)) < 0.01, `${n}: ${moved}`);
    // The paper, section 5.3, finds that of these, too.
    assert.ok(between < 0.06, `${n}: ${between}`);
  }
});

test('thousands have a larger table', () => {
  const n = 1000;
  const shares = sharesOf(build(new Array(n).fill(1)), new Array(n).fill(1));
  assert.equal(shares.filter((share) => share === 0).length, 0);
});
