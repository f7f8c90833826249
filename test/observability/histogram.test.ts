import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKETS, bucketEndMs, bucketOf, quantileMs, SHOWN_BUCKETS } from '../../src/observability/histogram.ts';

test('puts every duration into the bucket that ends after it', () => {
  for (let ms = 0; ms < 300_000; ms = ms * 1.01 + 0.0005) {
    const bucket = bucketOf(ms);
    assert.ok(bucketEndMs(bucket) > ms, `${ms} ms in bucket ${bucket}`);
    assert.ok(bucket === 0 || bucketEndMs(bucket - 1) <= ms, `${ms} ms in bucket ${bucket}`);
  }
  assert.equal(bucketOf(0), 0);
  assert.equal(bucketOf(10 ** 9), BUCKETS - 1);
});

test('shows one end for each doubling', () => {
  const ends = SHOWN_BUCKETS.map(({ seconds }) => seconds);
  assert.equal(ends[0], 0.000064);
  for (let i = 1; i < ends.length; i++) assert.ok(Math.abs(ends[i]! / ends[i - 1]! - 2) < 1e-9);
  // The last bucket has no end, and is shown as +Inf.
  assert.equal(SHOWN_BUCKETS.at(-1)!.last, BUCKETS - 2);
});

test('tells percentiles within a tenth', () => {
  const counts = new Float64Array(BUCKETS);
  const durations = Array.from({ length: 10_000 }, (_, i) => 0.2 + i * 0.05);
  for (const ms of durations) counts[bucketOf(ms)]!++;
  for (const share of [0.01, 0.5, 0.9, 0.99]) {
    const exact = durations[Math.floor(share * durations.length)]!;
    assert.ok(
      Math.abs(quantileMs(counts, share)! / exact - 1) < 0.1,
      `${share}: ${quantileMs(counts, share)}, ${exact}`,
    );
  }
  assert.equal(quantileMs(new Float64Array(BUCKETS), 0.5), null);
});
