import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../../src/core/clock.ts';
import { PLAIN_POOL, Pool } from '../../src/pool/pool.ts';
import { bareEndpoint } from './endpoints.ts';

function slowPool(): { pool: Pool<null>; clock: Clock; at(nowMs: number): void } {
  const clock = new Clock();
  clock.nowMs = 0;
  const pool = new Pool<null>({ ...PLAIN_POOL, slowStartMs: 10_000, returnMs: 10_000 }, clock);
  return {
    pool,
    clock,
    at: (nowMs) => {
      clock.nowMs = nowMs;
      pool.step(nowMs);
    },
  };
}

test('a newcomer begins with a tenth of its weight, which grows over the window', () => {
  const { pool, at } = slowPool();
  const endpoint = bareEndpoint(1);
  endpoint.setWeight(20);
  endpoint.join(pool);
  const shares = [0, 500, 1000, 2500, 5000, 9999, 10_000, 50_000].map((nowMs) => {
    at(nowMs);
    return Math.round(endpoint.share * 100) / 100;
  });
  assert.deepEqual(shares, [2, 2, 2, 5, 10, 20, 20, 20]);
});

test('one that comes back begins again; one that was held up for a moment does not', () => {
  const { pool, at } = slowPool();
  const endpoint = bareEndpoint(1);
  endpoint.join(pool);
  at(20_000);
  assert.equal(endpoint.share, 1);
  endpoint.opened(20_000);
  endpoint.askIfQuiet(20_010);
  endpoint.heard(20_011);
  assert.equal(endpoint.share, 1);
  endpoint.setStalled(true);
  endpoint.setStalled(false);
  assert.equal(endpoint.share, 0.1);
  at(25_000);
  assert.equal(endpoint.share, 0.5);
});

test('the list is another one whenever shares have changed, and only then', () => {
  const { pool, at } = slowPool();
  bareEndpoint(1).join(pool);
  const first = pool.eligible;
  at(1500);
  assert.notEqual(pool.eligible, first);
  at(10_000);
  const warm = pool.eligible;
  at(11_000);
  assert.equal(pool.eligible, warm);
});

test('a weight set meanwhile counts, and one that leaves has its own', () => {
  const { pool, at } = slowPool();
  const endpoint = bareEndpoint(1);
  endpoint.join(pool);
  at(5000);
  endpoint.setWeight(100);
  assert.equal(endpoint.share, 50);
  endpoint.leave(pool);
  assert.equal(endpoint.share, 100);
});

test('a window set later is for those that come later', () => {
  const clock = new Clock();
  const pool = new Pool<null>(PLAIN_POOL, clock);
  const [early, late] = [bareEndpoint(1), bareEndpoint(2)];
  early.join(pool);
  pool.configure({ ...PLAIN_POOL, slowStartMs: 10_000 });
  late.join(pool);
  early.setStalled(false);
  assert.deepEqual([early.share, late.share], [1, 0.1]);
  pool.configure(PLAIN_POOL);
  assert.equal(late.share, 1);
});
