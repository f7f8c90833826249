import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OUTLIER_DEFAULT, type OutlierRules } from '../../src/config/outlier.ts';
import { Clock } from '../../src/core/clock.ts';
import { Outcome } from '../../src/core/outcome.ts';
import { Outliers } from '../../src/health/outliers.ts';
import { PLAIN_POOL, Pool } from '../../src/pool/pool.ts';
import { bareEndpoint } from '../pool/endpoints.ts';

/** So many endpoints under these rules, on a clock of their own. */
function watched(n: number, rules: Partial<OutlierRules> = {}) {
  const clock = new Clock();
  clock.nowMs = 0;
  const pool = new Pool<null>({ ...PLAIN_POOL, returnMs: 5_000 }, clock);
  const all = Array.from({ length: n }, (_, id) => bareEndpoint(id));
  for (const endpoint of all) endpoint.join(pool);
  const told: string[] = [];
  const outliers = new Outliers(pool, { ...OUTLIER_DEFAULT, ...rules }, 0, {
    onEjected: ({ id }, { cause, forMs, times }) => told.push(`${id} out: ${cause}, ${forMs / 1000} s, ${times}`),
    onReturned: ({ id }, cause) => told.push(`${id} back: ${cause}`),
  });
  const end = (id: number, outcome: Outcome, status = 0): void => {
    const endpoint = all[id]!;
    endpoint.opened(clock.nowMs);
    endpoint.closed(outcome, status, clock.nowMs);
  };
  /** Failures that are far enough apart to be several. */
  const fail = (id: number, times: number, outcome: Outcome = Outcome.EndpointReset): void => {
    for (let i = 0; i < times; i++) {
      clock.nowMs += 60;
      end(id, outcome);
    }
  };
  const stepTo = (nowMs: number): void => {
    clock.nowMs = nowMs;
    outliers.step(nowMs);
    pool.step(nowMs);
  };
  return { pool, clock, all, told, outliers, end, fail, stepTo };
}

describe('by failures in a row', () => {
  test('one is taken out, for longer each time, and comes back slowly', () => {
    const { all, told, fail, stepTo, clock } = watched(4);
    fail(1, 4);
    assert.deepEqual(told, []);
    fail(1, 1);
    assert.deepEqual(told, ['1 out: consecutive-failures, 30 s, 1']);
    assert.ok(all[1]!.isEjected && !all[1]!.isEligible);
    stepTo(clock.nowMs + 29_900);
    assert.ok(all[1]!.isEjected);
    stepTo(clock.nowMs + 100);
    assert.ok(all[1]!.isEligible);
    assert.equal(all[1]!.share, 0.1);
    fail(1, 5);
    assert.equal(told.at(-1), '1 out: consecutive-failures, 60 s, 2');
  });

  test('the time out has an end, and shrinks while all goes well', () => {
    const { told, fail, stepTo, clock } = watched(4);
    for (let i = 0; i < 12; i++) {
      fail(1, 5);
      stepTo(clock.nowMs + 300_000);
    }
    assert.equal(told.at(-2), '1 out: consecutive-failures, 300 s, 12');
    for (let i = 0; i < 11; i++) stepTo(clock.nowMs + 30_000);
    fail(1, 5);
    assert.equal(told.at(-1), '1 out: consecutive-failures, 60 s, 2');
  });

  test('a success ends the row, and what fails at once is one failure', () => {
    const { told, fail, end } = watched(4);
    fail(1, 4);
    end(1, Outcome.Completed, 200);
    fail(1, 4);
    // A restart: all that is in flight is reset.
    for (let i = 0; i < 50; i++) end(1, Outcome.EndpointReset);
    assert.deepEqual(told, []);
  });

  test('what is not of its own doing does not count', () => {
    const { told, fail } = watched(4);
    for (const outcome of [
      Outcome.ClientLeft,
      Outcome.ClientBadBody,
      Outcome.QueueTimeout,
      Outcome.EndpointAborted,
      Outcome.None,
    ]) {
      fail(1, 10, outcome);
    }
    assert.deepEqual(told, []);
  });

  test('answers count where the rules name them, cut connections where they say so', () => {
    const { told, end, clock } = watched(4, {
      statuses: [
        [500, 500],
        [502, 504],
      ],
      countsAborts: true,
    });
    const answer = (id: number, status: number): void => {
      for (let i = 0; i < 5; i++) {
        clock.nowMs += 60;
        end(id, Outcome.Completed, status);
      }
    };
    answer(1, 501);
    assert.deepEqual(told, []);
    answer(1, 503);
    assert.deepEqual(told, ['1 out: consecutive-failures, 30 s, 1']);
    for (let i = 0; i < 5; i++) {
      clock.nowMs += 60;
      end(2, Outcome.EndpointAborted);
    }
    assert.equal(told.length, 2);
  });

  test('nobody is taken out while all fail', () => {
    const { told, fail } = watched(4);
    for (let i = 0; i < 20; i++) for (let id = 0; id < 4; id++) fail(id, 1);
    assert.deepEqual(told, []);
  });
});

test('never more than half are out, and never the last', () => {
  for (const [n, most] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
  ] as const) {
    const { all, fail } = watched(n);
    for (let id = 0; id < n - 1; id++) fail(id, 20);
    if (n === 1) fail(0, 20);
    assert.equal(all.filter(({ isEjected }) => isEjected).length, most, `of ${n}`);
  }
});

test('when nobody else is left all are used again', () => {
  const { all, told, fail, outliers, clock, pool } = watched(4);
  fail(0, 5);
  fail(1, 5);
  all[2]!.setStalled(true);
  assert.equal(outliers.panic(clock.nowMs), false);
  all[3]!.setReachable(false);
  assert.equal(pool.usable.length, 0);
  assert.equal(outliers.panic(clock.nowMs), true);
  assert.deepEqual(told.slice(2), ['0 back: panic', '1 back: panic']);
  assert.equal(pool.usable.length, 2);
});

test('the same holds when it is looked for at times only', () => {
  const { all, fail, stepTo, clock } = watched(2);
  fail(0, 5);
  all[1]!.setHealthy(false);
  stepTo(clock.nowMs + 250);
  assert.ok(all[0]!.isEligible);
});

describe('by the rate of success', () => {
  /** Each has had 200 requests, of which so many failed. */
  function compared(failed: readonly number[], rules: Partial<OutlierRules> = {}): string[] {
    const { told, end, stepTo } = watched(failed.length, { consecutive: 0, ...rules });
    failed.forEach((bad, id) => {
      for (let i = 0; i < 200; i++) {
        if (i < bad) end(id, Outcome.EndpointReset);
        else end(id, Outcome.Completed, 200);
      }
    });
    stepTo(10_000);
    return told;
  }

  test('one that fails more than others do is taken out', () => {
    assert.deepEqual(compared([0, 2, 60, 1, 0]), ['2 out: success-rate, 30 s, 1']);
  });

  test('few failures make no outlier, however steady the others are', () => {
    assert.deepEqual(compared([0, 0, 10, 0, 0]), []);
  });

  test('of fewer than five one that fails far more than the others together', () => {
    assert.deepEqual(compared([0, 0, 60, 0]), ['2 out: success-rate, 30 s, 1']);
    assert.deepEqual(compared([2, 60]), ['1 out: success-rate, 30 s, 1']);
    assert.deepEqual(compared([20, 22, 60, 21]), ['2 out: success-rate, 30 s, 1']);
    assert.deepEqual(compared([35, 32, 60, 31]), [], 'not twice as often');
    assert.deepEqual(compared([0, 0, 10, 0]), [], 'few failures');
    assert.deepEqual(compared([200]), [], 'nobody to compare it with');
    assert.deepEqual(compared([60, 62]), [], 'both alike');
  });

  test('nobody stands out where all fail as much, or with few requests', () => {
    assert.deepEqual(compared([60, 62, 58, 61, 60]), []);
    assert.deepEqual(compared([0, 2, 60, 1, 0], { minRequests: 201 }), []);
    assert.deepEqual(compared([0, 2, 60, 1, 0], { successRate: 0 }), []);
  });
});

test('by the time to answer, where that is asked for', () => {
  const answers = (latency: number, ...times: number[]): string[] => {
    const { told, all, outliers, stepTo } = watched(times.length, { latency });
    times.forEach((ms, id) => {
      for (let i = 0; i < 100; i++) outliers.answered(all[id]!, ms);
    });
    stepTo(10_000);
    return told;
  };
  assert.deepEqual(answers(3, 20, 22, 100, 18), ['2 out: latency, 30 s, 1']);
  assert.deepEqual(answers(0, 20, 22, 100, 18), []);
  assert.deepEqual(answers(3, 20, 22, 50, 18), []);
  assert.deepEqual(answers(3, 1, 1, 8, 1), [], 'a few milliseconds do not matter');
  assert.deepEqual(answers(3, 20, 100), [], 'two say nothing of each other');
});

test('one that leaves is forgotten, and all are when the rules go', () => {
  const { all, pool, told, fail, outliers, clock } = watched(4);
  fail(0, 5);
  fail(1, 5);
  all[0]!.leave(pool);
  outliers.membersChanged(clock.nowMs);
  assert.equal(told.at(-1), '0 back: gone');
  outliers.close();
  assert.equal(told.at(-1), '1 back: gone');
  assert.ok(all[1]!.isUsable);
  assert.equal(all[2]!.onOutcome, null);
});
