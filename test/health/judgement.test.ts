import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, judgeEarly, type Observed } from '../../src/health/judgement.ts';
import { BUCKETS, bucketOf } from '../../src/observability/histogram.ts';

/** Counts of times, in ms. */
function counted(timesMs: readonly number[]): Float64Array {
  const counts = new Float64Array(BUCKETS);
  for (const ms of timesMs) counts[bucketOf(ms)]!++;
  return counts;
}

function times(n: number, ms: number): number[] {
  return new Array(n).fill(ms);
}

/** One side of which every request took 3 ms, but for what is said. */
function side(requests: number, failures: number = 0, latenciesMs: readonly number[] = times(requests, 3)): Observed {
  return { requests, failures, latencies: counted(latenciesMs), loopDelays: counted(times(100, 1)) };
}

test('goes on where nothing differs', () => {
  assert.equal(judge(side(200), side(1800)).verdict, 'on');
  assert.equal(judge(side(200, 20), side(1800, 180)).verdict, 'on', 'both fail alike');
});

test('goes back where more requests fail than chance allows', () => {
  const { verdict, reason } = judge(side(200, 6), side(1800, 2));
  assert.equal(verdict, 'back');
  assert.equal(reason, "6 of 200 of its requests failed, 2 of 1800 of the old workers'");
  assert.equal(judge(side(200, 2), side(1800)).verdict, 'on', 'two are a mishap');
  assert.equal(judge(side(200, 4), side(1800, 18)).verdict, 'on', 'twice as many, which chance may do');
});

test('goes back where half of the answers come later', () => {
  const { verdict, reason } = judge(side(100, 0, times(100, 12)), side(900));
  assert.equal(verdict, 'back');
  assert.match(reason, /^half of its answers took 1\d ms or more, 3 ms with the old workers$/);
  assert.equal(judge(side(100, 0, times(100, 6)), side(900)).verdict, 'on', 'twice as long, by 3 ms');
  assert.equal(
    judge(side(100, 0, times(100, 250)), side(900, 0, times(900, 200))).verdict,
    'on',
    'a quarter as long again',
  );
});

test('goes back for its tail, and not for one slow answer', () => {
  const slow = (n: number): Observed => side(200, 0, [...times(200 - n, 3), ...times(n, 400)]);
  assert.equal(judge(slow(12), side(1800)).verdict, 'back');
  assert.match(judge(slow(12), side(1800)).reason, /^one in a hundred of its answers took \d+ ms or more/);
  assert.equal(judge(slow(1), side(1800)).verdict, 'on');
});

test('goes back where its event loop is held up', () => {
  const held = { ...side(200), loopDelays: counted([...times(60, 1), ...times(40, 180)]) };
  const { verdict, reason } = judge(held, side(1800));
  assert.equal(verdict, 'back');
  assert.match(reason, /^one in ten times its event loop was held up for/);
  const now = { ...side(200), loopDelays: counted([...times(95, 1), ...times(5, 180)]) };
  assert.equal(judge(now, side(1800)).verdict, 'on', 'now and then');
});

test('says that there were too few requests, and goes on only where none failed', () => {
  const few = judge(side(5), side(40));
  assert.equal(few.verdict, 'unjudged');
  assert.equal(few.reason, 'too few requests to judge: it had 5, and 30 are needed');
  assert.match(judge(side(40), side(5)).reason, /the old workers had 5/);
  const failed = judge(side(5, 1), side(40));
  assert.equal(failed.verdict, 'back');
  assert.match(failed.reason, /^1 of 5 of its requests failed, 0 of 40 .+ \(too few requests to judge: it had 5/);
  assert.equal(judge(side(0), side(0)).verdict, 'unjudged');
});

test('goes back early only where chance cannot be it', () => {
  assert.equal(judgeEarly(side(40, 3), side(400)), null);
  assert.equal(judgeEarly(side(20, 20), side(400)), null, 'too few requests');
  assert.equal(judgeEarly(side(40, 30), side(400))?.verdict, 'back');
  assert.equal(judgeEarly(side(4000, 0, times(4000, 900)), side(400)), null, 'times are for the end');
});

test('takes back one that is as good in less than one of a hundred trials', () => {
  let [state, taken] = [1, 0];
  const chance = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  // Exponential times of 20 ms on the average, and one in fifty fails.
  const sample = (n: number): Observed => {
    const latencies = Array.from({ length: n }, () => -20 * Math.log(1 - chance()));
    const failures = Array.from({ length: n }, () => chance() < 0.02).filter(Boolean).length;
    return side(n, failures, latencies);
  };
  for (let trial = 0; trial < 1_000; trial++) if (judge(sample(150), sample(1350)).verdict === 'back') taken++;
  assert.ok(taken < 10, `${taken} of 1000`);
});
