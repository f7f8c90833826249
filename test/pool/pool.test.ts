import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Outcome } from '../../src/core/outcome.ts';
import { Endpoint } from '../../src/pool/endpoint.ts';
import { Pool } from '../../src/pool/pool.ts';
import { bareEndpoint } from './endpoints.ts';

/** A pool of so many endpoints. */
function pooled(n: number): { pool: Pool<null>; members: Endpoint<null>[] } {
  const pool = new Pool<null>();
  const members = Array.from({ length: n }, (_, id) => bareEndpoint(id));
  for (const endpoint of members) endpoint.join(pool);
  return { pool, members };
}

/** Busy, silent and asked. */
function holdUp(endpoint: Endpoint<null>): void {
  endpoint.opened(0);
  endpoint.askIfQuiet(1000);
}

function idsOf(pool: Pool<null>): number[] {
  return pool.eligible.map((endpoint) => endpoint.id).sort();
}

test('an endpoint is eligible when enabled, not stalled and not held up', () => {
  for (const isEnabled of [true, false]) {
    for (const isStalled of [true, false]) {
      for (const isHeldUp of [true, false]) {
        const { pool, members } = pooled(2);
        const endpoint = members[0]!;
        if (isHeldUp) holdUp(endpoint);
        endpoint.setEnabled(isEnabled);
        endpoint.setStalled(isStalled);
        const expected = isEnabled && !isStalled && !isHeldUp;
        assert.equal(endpoint.isEligible, expected);
        assert.deepEqual([endpoint.isEnabled, endpoint.isStalled], [isEnabled, isStalled]);
        assert.deepEqual(idsOf(pool), expected ? [0, 1] : [1]);
        assert.equal(endpoint.isUsable, isEnabled && !isStalled);
        assert.equal(pool.usable.includes(endpoint), isEnabled && !isStalled);
      }
    }
  }
});

test('one axis does not mend another', () => {
  const { pool, members } = pooled(2);
  const endpoint = members[0]!;
  endpoint.setEnabled(false);
  endpoint.setStalled(true);
  endpoint.setStalled(false);
  assert.deepEqual(idsOf(pool), [1]);
  endpoint.setEnabled(true);
  assert.deepEqual(idsOf(pool), [0, 1]);
});

test('an endpoint is listed once, however often it is told the same', () => {
  const { pool, members } = pooled(1);
  for (let i = 0; i < 3; i++) {
    members[0]!.setEnabled(true);
    members[0]!.setStalled(false);
    members[0]!.heard(0);
  }
  assert.deepEqual(idsOf(pool), [0]);
});

test('an endpoint that joins a second pool is eligible in both, and leaves both', () => {
  const { pool, members } = pooled(2);
  const second = new Pool<null>();
  members[0]!.join(second);
  members[0]!.setStalled(true);
  assert.deepEqual([idsOf(pool), idsOf(second)], [[1], []]);
  members[0]!.setStalled(false);
  assert.deepEqual([idsOf(pool), idsOf(second)], [[0, 1], [0]]);
  members[0]!.leave(second);
  assert.deepEqual([idsOf(pool), idsOf(second), second.members.size], [[0, 1], [], 0]);
  members[0]!.leaveAll();
  assert.deepEqual([idsOf(pool), pool.members.size], [[1], 1]);
  members[0]!.setStalled(false);
  assert.deepEqual(idsOf(pool), [1], 'one that left is told no more of');
});

test('one that joins while it is not eligible is a member and not listed', () => {
  const pool = new Pool<null>();
  const endpoint = bareEndpoint(1);
  endpoint.setEnabled(false);
  endpoint.join(pool);
  assert.deepEqual([pool.members.size, idsOf(pool)], [1, []]);
});

test('those who wait hear of an endpoint that became eligible, and of nothing else', () => {
  const pool = new Pool<null>();
  let heard = 0;
  pool.onEligible(() => heard++);
  const endpoint = bareEndpoint(1);
  endpoint.join(pool);
  assert.equal(heard, 1);
  endpoint.setStalled(false);
  endpoint.setStalled(true);
  assert.equal(heard, 1);
  endpoint.setStalled(false);
  assert.equal(heard, 2);
  endpoint.leaveAll();
  assert.equal(heard, 2);
});

test('a list that is held is not changed in place', () => {
  const { pool, members } = pooled(3);
  const changes = [
    () => members[1]!.setStalled(true),
    () => members[1]!.setStalled(false),
    () => members[2]!.leaveAll(),
    () => members[2]!.join(pool),
  ];
  for (const change of changes) {
    const held = pool.eligible;
    const copy = [...held];
    change();
    assert.notDeepEqual(pool.eligible, copy);
    assert.deepEqual(held, copy);
  }
});

describe('an endpoint that is busy and silent', () => {
  test('is asked for a sign of life, and is not eligible until it gives one', () => {
    let asked = 0;
    const pool = new Pool<null>();
    const endpoint = new Endpoint(1, null, () => asked++);
    endpoint.join(pool);
    endpoint.opened(100);
    assert.equal(endpoint.askIfQuiet(102), false, 'it has just been given something');
    assert.equal(endpoint.askIfQuiet(110), true);
    assert.deepEqual([asked, endpoint.isEligible, idsOf(pool)], [1, false, []]);
    endpoint.heard(111);
    assert.deepEqual([endpoint.isEligible, idsOf(pool)], [true, [1]]);
    assert.equal(endpoint.askIfQuiet(112), false, 'it has just been heard');
  });

  test('is not asked while it has nothing to do', () => {
    const endpoint = new Endpoint(1, null, () => assert.fail('asked'));
    assert.equal(endpoint.askIfQuiet(1000), false);
    endpoint.opened(1000);
    endpoint.closed(Outcome.Completed, 200, 0);
    assert.equal(endpoint.askIfQuiet(2000), false);
  });

  test('is judged from when it got something to do, not from when it was last heard', () => {
    const endpoint = new Endpoint(1, null, () => assert.fail('asked'));
    endpoint.heard(0);
    endpoint.opened(5000);
    assert.equal(endpoint.askIfQuiet(5001), false);
  });

  test('is not taken for busy on account of its tunnels', () => {
    let asked = 0;
    const endpoint = new Endpoint(1, null, () => asked++);
    endpoint.opened(0);
    endpoint.tunnelOpened();
    assert.equal(endpoint.askIfQuiet(5000), false);
    endpoint.opened(5000);
    assert.equal(endpoint.askIfQuiet(5001), false, 'it has just been given a request');
    assert.deepEqual([endpoint.askIfQuiet(5010), asked], [true, 1]);
  });
});

test('a veto makes an endpoint count as more loaded, and keeps nobody out', () => {
  const { pool, members } = pooled(2);
  members[0]!.setVetoed(true);
  assert.ok(members[0]!.load > members[1]!.load);
  assert.deepEqual(idsOf(pool), [0, 1]);
  members[0]!.setVetoed(false);
  assert.equal(members[0]!.load, members[1]!.load);
});

test('many that change together are listed, and told of, once', () => {
  const { pool, members } = pooled(3);
  const heard = { members: 0, eligible: 0 };
  pool.onMembers(() => heard.members++);
  pool.onEligible(() => heard.eligible++);
  const before = pool.eligible;
  const joined = Array.from({ length: 1000 }, (_, i) => bareEndpoint(3 + i));
  pool.changeTogether(() => {
    for (const endpoint of joined) endpoint.join(pool);
    members[0]!.leaveAll();
    members[1]!.setWeight(3);
  });
  // Each that may be picked now may let somebody go on who waits.
  assert.deepEqual(heard, { members: 1, eligible: 1000 });
  assert.deepEqual([pool.members.size, pool.eligible.length, pool.usable.length], [1002, 1002, 1002]);
  assert.equal(before.length, 3);
  const same = pool.eligible;
  pool.changeTogether(() => members[1]!.setWeight(4));
  assert.notEqual(pool.eligible, same);
  assert.deepEqual(heard, { members: 2, eligible: 1000 });
});

test('a change that fails in the middle holds up nothing after it', () => {
  const { pool, members } = pooled(2);
  assert.throws(() =>
    pool.changeTogether(() => {
      members[0]!.leaveAll();
      throw new Error('in the middle');
    }),
  );
  assert.deepEqual(idsOf(pool), [1]);
  members[0]!.join(pool);
  assert.deepEqual(idsOf(pool), [0, 1]);
});

/** A step that something takes: the number of an endpoint, and what becomes of it. */
const step = fc.tuple(
  fc.nat(3),
  fc.constantFrom('enable', 'disable', 'stall', 'recover', 'hold', 'hear', 'leave', 'join'),
);

test('the list always holds the members that are eligible, each once', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { pool, members } = pooled(4);
      for (const [id, act] of steps) {
        take(members[id]!, act, pool);
        const expected = [...pool.members].filter((endpoint) => endpoint.isEligible).map((endpoint) => endpoint.id);
        assert.deepEqual(idsOf(pool), expected.sort());
      }
      const together = pooled(4);
      together.pool.changeTogether(() => {
        for (const [id, act] of steps) take(together.members[id]!, act, together.pool);
      });
      assert.deepEqual(idsOf(together.pool), idsOf(pool));
    }),
  );
});

function take(endpoint: Endpoint<null>, act: string, pool: Pool<null>): void {
  if (act === 'enable' || act === 'disable') endpoint.setEnabled(act === 'enable');
  else if (act === 'stall' || act === 'recover') endpoint.setStalled(act === 'stall');
  else if (act === 'hold') holdUp(endpoint);
  else if (act === 'hear') endpoint.heard(0);
  else if (act === 'leave') endpoint.leaveAll();
  else if (!pool.members.has(endpoint)) endpoint.join(pool);
}

test('what waits hears of an endpoint that has come to the tier in use, and may be given to it', () => {
  const { pool, members } = pooled(2);
  members[1]!.setTier(1);
  assert.deepEqual(
    pool.roomy.map(({ id }) => id),
    [0],
  );
  let told = 0;
  pool.onEligible(() => told++);
  members[1]!.setTier(0);
  assert.equal(told, 1);
  assert.deepEqual(
    pool.roomy.map(({ id }) => id),
    [0, 1],
  );
});
