import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { PLAIN_POOL, Pool } from '../../src/pool/pool.ts';
import { bareEndpoint } from './endpoints.ts';

interface Place {
  readonly tier?: number;
  readonly zone?: string;
}

function placed(zone: string, ...places: Place[]): { pool: Pool<null>; all: Endpoint<null>[]; ids(): number[] } {
  const pool = new Pool<null>({ ...PLAIN_POOL, zone });
  const all = places.map(({ tier = 0, zone: own = '' }, id) => {
    const endpoint = bareEndpoint(id);
    endpoint.tier = tier;
    endpoint.zone = own;
    endpoint.join(pool);
    return endpoint;
  });
  return { pool, all, ids: () => pool.eligible.map(({ id }) => id) };
}

test('backups are used while no primary is usable', () => {
  const { all, ids, pool } = placed('', {}, {}, { tier: 1 }, { tier: 2 });
  assert.deepEqual(ids(), [0, 1]);
  all[0]!.setStalled(true);
  assert.deepEqual(ids(), [1]);
  all[1]!.setEnabled(false);
  assert.deepEqual(ids(), [2]);
  assert.deepEqual(pool.usable, [all[2]]);
  all[2]!.leave(pool);
  assert.deepEqual(ids(), [3]);
  all[0]!.setStalled(false);
  assert.deepEqual(ids(), [0]);
});

test('a busy moment of the primaries does not send requests to the backups', () => {
  const { all, ids, pool } = placed('', {}, { tier: 1 });
  all[0]!.opened(0);
  all[0]!.askIfQuiet(100);
  assert.deepEqual(ids(), []);
  assert.deepEqual(pool.usable, [all[0]]);
  all[0]!.heard(101);
  assert.deepEqual(ids(), [0]);
});

test('the own zone comes first while seven in ten of it are usable, then all do', () => {
  const own = Array.from({ length: 4 }, () => ({ zone: 'a' }));
  const { all, ids } = placed('a', ...own, { zone: 'b' }, { zone: 'b' });
  assert.deepEqual(ids(), [0, 1, 2, 3]);
  all[0]!.setStalled(true);
  assert.deepEqual(ids(), [1, 2, 3]);
  all[1]!.setStalled(true);
  assert.deepEqual(ids(), [2, 3, 4, 5]);
  all[0]!.setStalled(false);
  assert.deepEqual(ids(), [0, 2, 3]);
});

test('zones count within a tier, and not where the balancer has none', () => {
  assert.deepEqual(placed('a', { zone: 'b' }, { zone: 'a', tier: 1 }).ids(), [0]);
  assert.deepEqual(placed('', { zone: 'b' }, { zone: 'a' }).ids(), [0, 1]);
  assert.deepEqual(placed('c', { zone: 'b' }, { zone: 'a' }).ids(), [0, 1]);
});

test('those who wait hear of backups that take over, and of primaries that come back', () => {
  const { pool, all } = placed('', {}, { tier: 1 });
  let heard = 0;
  pool.onEligible(() => heard++);
  all[0]!.setStalled(true);
  assert.equal(heard, 1);
  all[1]!.setStalled(true);
  assert.equal(heard, 1);
  all[0]!.setStalled(false);
  assert.equal(heard, 2);
});

test('whatever happens, somebody is eligible while anybody is, and nobody who is not', () => {
  const place = fc.record({ tier: fc.nat(2), zone: fc.constantFrom('a', 'b', 'c') });
  const event = fc.record({ id: fc.nat(5), isStalled: fc.boolean(), isEnabled: fc.boolean(), leaves: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 6 }), fc.array(event), (places, events) => {
      const { pool, all } = placed('a', ...places);
      for (const { id, isStalled, isEnabled, leaves } of events) {
        const endpoint = all[id % all.length]!;
        if (leaves === 0) endpoint.leave(pool);
        endpoint.setStalled(isStalled);
        endpoint.setEnabled(isEnabled);
        if (leaves === 1 && !pool.members.has(endpoint)) endpoint.join(pool);
        const members = [...pool.members];
        const best = Math.min(...members.filter((one) => one.isUsable).map((one) => one.tier));
        assert.equal(
          pool.eligible.length > 0,
          members.some((one) => one.isEligible),
        );
        for (const one of pool.eligible) assert.ok(one.isEligible && pool.members.has(one) && one.tier === best);
        assert.equal(new Set(pool.eligible).size, pool.eligible.length);
      }
    }),
  );
});
