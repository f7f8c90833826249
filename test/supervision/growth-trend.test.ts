import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrowthTrend } from '../../src/supervision/growth-trend.ts';

const MB = 1e6;

/** One sample a second. */
function trendOf(bytes: readonly number[]): GrowthTrend {
  const trend = new GrowthTrend();
  for (const [second, size] of bytes.entries()) trend.add(second * 1000, size);
  return trend;
}

function range(count: number, valueAt: (i: number) => number): number[] {
  return Array.from({ length: count }, (_, i) => valueAt(i));
}

test('foresees when steady growth crosses the limit', () => {
  const trend = trendOf(range(60, (i) => 100 * MB + i * MB));
  assert.equal(Math.round(trend.crossesInMs(200 * MB)!), 41_000);
  assert.equal(trend.crossesInMs(150 * MB), 0);
});

test('sees growth through noise, and none where memory is collected', () => {
  const noisy = trendOf(range(120, (i) => 100 * MB + i * MB + (i % 7) * 2 * MB));
  const inMs = noisy.crossesInMs(300 * MB)!;
  assert.ok(inMs > 60_000 && inMs < 100_000, String(inMs));
  assert.equal(trendOf(range(120, (i) => 100 * MB + (i % 30) * 3 * MB)).crossesInMs(300 * MB), null);
});

test('says nothing of what shrinks, stands still, creeps, or has only begun', () => {
  assert.equal(trendOf(range(60, (i) => 100 * MB - i * MB)).crossesInMs(200 * MB), null);
  assert.equal(trendOf(range(60, () => 100 * MB)).crossesInMs(200 * MB), null);
  assert.equal(trendOf(range(60, (i) => 100 * MB + i * 1000)).crossesInMs(200 * MB), null);
  assert.equal(trendOf(range(14, (i) => 100 * MB + i * MB)).crossesInMs(200 * MB), null);
});

test('looks at the last five minutes only', () => {
  const bytes = range(900, (i) => (i < 500 ? 100 * MB + i * MB : 600 * MB));
  assert.equal(trendOf(bytes).crossesInMs(800 * MB), null);
});
