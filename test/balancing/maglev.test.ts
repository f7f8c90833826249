import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Maglev } from '../../src/balancing/maglev.ts';
import { NO_KEY } from '../../src/balancing/policy.ts';
import { mix32 } from '../../src/core/hash.ts';
import { XorShift } from '../../src/core/rng.ts';
import { endpoints } from './policy-suite.ts';

test('only keys of one that is away go elsewhere, spread over the others, and come back', () => {
  const policy = new Maglev(new XorShift(1));
  const all = endpoints(0, 0, 0, 0, 0);
  policy.membersChanged(all);
  const keys = Array.from({ length: 5000 }, (_, i) => mix32(i));
  const before = keys.map((key) => policy.pick(all, null, key)!);
  const away = all[2]!;
  const others = all.filter((endpoint) => endpoint !== away);
  const meanwhile = keys.map((key) => policy.pick(others, null, key)!);
  const heirs = new Map(others.map((endpoint) => [endpoint, 0]));
  keys.forEach((_, i) => {
    if (before[i] === away) heirs.set(meanwhile[i]!, heirs.get(meanwhile[i]!)! + 1);
    else assert.equal(meanwhile[i], before[i]);
  });
  for (const n of heirs.values()) assert.ok(n > 150 && n < 350, `${[...heirs.values()]}`);
  assert.deepEqual(
    keys.map((key) => policy.pick(all, null, key)),
    before,
  );
});

test('one that takes the place of another has its keys', () => {
  const policy = new Maglev(new XorShift(1));
  const all = endpoints(0, 0, 0);
  all.forEach((endpoint, i) => {
    endpoint.identity = `worker ${i}`;
  });
  policy.membersChanged(all);
  const keys = Array.from({ length: 500 }, (_, i) => mix32(i));
  const before = keys.map((key) => policy.pick(all, null, key)!.identity);
  const [successor] = endpoints(0);
  successor!.identity = 'worker 1';
  // While both are there, as during a reload, and then without the old one.
  policy.membersChanged([...all, successor!]);
  const list = [all[0]!, all[2]!, successor!];
  assert.deepEqual(
    keys.map((key) => policy.pick(list, null, key)!.identity),
    before,
  );
  policy.membersChanged(list);
  assert.deepEqual(
    keys.map((key) => policy.pick(list, null, key)!.identity),
    before,
  );
});

test('requests without a key go anywhere', () => {
  const policy = new Maglev(new XorShift(1));
  const all = endpoints(0, 0, 0, 0);
  const picked = new Set(Array.from({ length: 100 }, () => policy.pick(all, null, NO_KEY)));
  assert.equal(picked.size, 4);
});
