import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../bench/e2e/load/seeded-random.ts';
import { EventHeap } from '../../bench/policies/event-heap.ts';
import { IDEAL, run } from '../../bench/policies/run.ts';
import { SCENARIOS, type Scenario } from '../../bench/policies/scenario.ts';
import { lognormal, pareto } from '../../bench/policies/service-times.ts';

test('events come in the order of their times', () => {
  const heap = new EventHeap();
  const random = seededRandom(1);
  const times = Array.from({ length: 5000 }, () => random());
  times.forEach((time, request) => {
    heap.push(time, request);
  });
  const order = times.map((_, request) => request).sort((a, b) => times[a]! - times[b]!);
  for (const request of order) {
    assert.equal(heap.earliest, times[request]);
    assert.equal(heap.pop(), request);
  }
  assert.equal(heap.length, 0);
});

test('service times have a mean of 1', () => {
  for (const serviceTimes of [lognormal, pareto]) {
    const random = seededRandom(7);
    let sum = 0;
    for (let i = 0; i < 2_000_000; i++) sum += serviceTimes(random);
    assert.ok(Math.abs(sum / 2_000_000 - 1) < 0.04, `${serviceTimes.name}: ${sum / 2_000_000}`);
  }
});

test('the ideal is better than the default, that than two choices, and those than a round', () => {
  const scenario: Scenario = { ...SCENARIOS[0]!, requests: 30_000 };
  const { rows } = run(scenario, ['least-inflight', 'random-two', 'round-robin']);
  assert.deepEqual(
    rows.map(({ name }) => name),
    [IDEAL, 'least-inflight', 'random-two', 'round-robin'],
  );
  for (let i = 1; i < rows.length; i++) {
    assert.ok(rows[i]!.p99 > rows[i - 1]!.p99, `${rows[i]!.name}: ${rows[i]!.p99}`);
    assert.ok(rows[i]!.p50 > rows[i - 1]!.p50, `${rows[i]!.name}: ${rows[i]!.p50}`);
  }
  assert.deepEqual(run(scenario, ['least-inflight']).rows[1], rows[1], 'the same seed, the same figures');
});

test('threads that count together are as good as one', () => {
  const scenario: Scenario = { ...SCENARIOS[0]!, requests: 30_000, balancers: 4 };
  const [, apart] = run(scenario, ['least-inflight']).rows;
  const [, together] = run({ ...scenario, areThreads: true }, ['least-inflight']).rows;
  const [, alone] = run({ ...scenario, balancers: 1 }, ['least-inflight']).rows;
  assert.ok(together!.p99 < apart!.p99 * 0.9, `${together!.p99} ${apart!.p99}`);
  assert.ok(Math.abs(together!.p99 / alone!.p99 - 1) < 0.1, `${together!.p99} ${alone!.p99}`);
});
