import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFresh, REVOKED_AFTER_MS } from '../../src/link/ledger.ts';

const SENT = 1_000_000;

test('what was sent a moment ago cannot have been taken back', () => {
  for (const age of [0, 1, REVOKED_AFTER_MS / 2 - 0.1]) assert.ok(isFresh(SENT, SENT + age), `${age} ms`);
});

test('what is not fresh has to be looked up, well before it can have been taken back', () => {
  for (const age of [REVOKED_AFTER_MS / 2, REVOKED_AFTER_MS, 60_000, 2 ** 31 - 1]) {
    assert.ok(!isFresh(SENT, SENT + age), `${age} ms`);
  }
});

test('what seems to come from the future is not fresh', () => {
  assert.ok(!isFresh(SENT, SENT - 1));
});

test('time goes round after 2^32 ms', () => {
  assert.ok(isFresh(0xffff_fffe, 2 ** 32 + 1));
  assert.ok(!isFresh(0xffff_fffe, 2 ** 32 + 30));
});
