import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RetryBudget } from '../../src/exchange/retry-budget.ts';

/** As many as a quiet service has for one window: ten a second. */
const MINIMUM = 100;

/** Retries that the budget allows at this time, taken out of it. */
function withdrawAll(budget: RetryBudget, nowMs: number): number {
  let taken = 0;
  while (taken < 100_000 && budget.withdraw(nowMs)) taken++;
  return taken;
}

function deposit(budget: RetryBudget, requests: number, nowMs: number): void {
  for (let i = 0; i < requests; i++) budget.deposit(nowMs);
}

test('a quiet service can retry', () => {
  const budget = new RetryBudget();
  assert.equal(withdrawAll(budget, 5_000), MINIMUM);
  assert.ok(!budget.withdraw(5_999));
});

test('a fifth of the requests may be run again, beyond the minimum', () => {
  const budget = new RetryBudget();
  deposit(budget, 1000, 5_000);
  assert.equal(withdrawAll(budget, 5_000), MINIMUM + 200);
  deposit(budget, 5, 5_000);
  assert.equal(withdrawAll(budget, 5_000), 1);
});

test('requests of the last ten seconds count, and no older ones', () => {
  const budget = new RetryBudget();
  deposit(budget, 1000, 5_000);
  assert.equal(withdrawAll(budget, 14_999), MINIMUM + 200, 'within the window');
  const older = new RetryBudget();
  deposit(older, 1000, 5_000);
  assert.equal(withdrawAll(older, 15_000), MINIMUM, 'after it');
});

test('retries are forgotten as the window rolls on', () => {
  const budget = new RetryBudget();
  for (let second = 0; second < 10; second++) {
    for (let i = 0; i < 10; i++) assert.ok(budget.withdraw(second * 1000));
  }
  assert.equal(withdrawAll(budget, 9_999), 0);
  for (let second = 10; second < 30; second++) assert.equal(withdrawAll(budget, second * 1000), 10, `second ${second}`);
});

test('nothing is left of a busy time after a long silence', () => {
  const budget = new RetryBudget();
  deposit(budget, 100_000, 1_000);
  withdrawAll(budget, 1_000);
  assert.equal(withdrawAll(budget, 86_400_000), MINIMUM);
});

test('it works from any time on', () => {
  for (const startMs of [0, 999, 1_000_000_000]) assert.equal(withdrawAll(new RetryBudget(), startMs), MINIMUM);
});
