import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AppCounts,
  type AppMetric,
  type AppValue,
  mergeAppMetrics,
  readAppMetrics,
  writeAppMetrics,
} from '../../src/observability/app-metrics.ts';
import { PrometheusText } from '../../src/observability/prometheus-text.ts';

function metric(type: string, values: AppValue[], aggregator: string = 'sum'): AppMetric {
  return { name: 'm', help: 'M.', type, values, aggregator };
}

function merged(...metrics: AppMetric[]): AppValue[] {
  return mergeAppMetrics(metrics.map((one) => [one])).flatMap(({ values }) => [...values]);
}

test('adds up counters by their labels, in whatever order these stand', () => {
  const one = metric('counter', [{ value: 1, labels: { a: 'x', b: 1 } }]);
  const other = metric('counter', [
    { value: 2, labels: { b: '1', a: 'x' } },
    { value: 5, labels: { a: 'y', b: 1 } },
  ]);
  assert.deepEqual(
    merged(one, other).map(({ value }) => value),
    [3, 5],
  );
});

test('puts gauges together as their aggregator says', () => {
  const expected: [string, number[]][] = [
    ['sum', [6]],
    ['first', [1]],
    ['min', [1]],
    ['max', [3]],
    ['average', [2]],
    ['omit', []],
    ['nonsense', [6]],
    ['__proto__', [6]],
    ['constructor', [6]],
  ];
  for (const [aggregator, values] of expected) {
    const gauges = [1, 2, 3].map((value) => metric('gauge', [{ value, labels: {} }], aggregator));
    assert.deepEqual(
      merged(...gauges).map(({ value }) => value),
      values,
      aggregator,
    );
  }
});

test('adds up histograms bucket by bucket', () => {
  const histogram = (counts: readonly number[]): AppMetric =>
    metric('histogram', [
      { value: counts[0]!, labels: { le: 1 }, metricName: 'm_bucket' },
      { value: counts[1]!, labels: { le: '+Inf' }, metricName: 'm_bucket' },
      { value: counts[2]!, labels: {}, metricName: 'm_sum' },
      { value: counts[1]!, labels: {}, metricName: 'm_count' },
    ]);
  assert.deepEqual(
    merged(histogram([1, 3, 7.5]), histogram([2, 2, 1])).map(({ value }) => value),
    [3, 5, 8.5, 5],
  );
});

test('weighs the quantiles of summaries by what each worker has observed', () => {
  const summary = (quantile: number, count: number): AppMetric =>
    metric('summary', [
      { value: quantile, labels: { quantile: 0.5 } },
      { value: count * 2, labels: {}, metricName: 'm_sum' },
      { value: count, labels: {}, metricName: 'm_count' },
    ]);
  assert.deepEqual(
    merged(summary(1, 30), summary(5, 10)).map(({ value }) => value),
    [2, 80, 40],
  );
  assert.deepEqual(merged(summary(0, 0), summary(5, 10), summary(Number.NaN, 3)).map(({ value }) => value)[0], 5);
});

test('keeps to the first meaning of a name', () => {
  const [only] = mergeAppMetrics([
    [metric('counter', [{ value: 1, labels: {} }])],
    [metric('gauge', [{ value: 9, labels: {} }])],
    [metric('counter', [{ value: 2, labels: {} }])],
  ]);
  assert.deepEqual([only!.type, only!.values[0]!.value], ['counter', 3]);
});

test('trusts nothing that a worker sends', () => {
  assert.equal(readAppMetrics('nonsense'), null);
  assert.equal(readAppMetrics('{}'), null);
  const good = metric('counter', [{ value: 1, labels: { a: 'x' } }]);
  const bad: unknown[] = [
    null,
    7,
    { ...good, name: 'm{} 1\nevil' },
    { ...good, type: 'untyped' },
    { ...good, help: undefined },
    { ...good, values: [{ value: '1', labels: {} }] },
    { ...good, values: [{ value: 1, labels: { 'a b': 1 } }] },
    { ...good, values: [{ value: 1, labels: {}, metricName: 'other' }] },
    { ...good, values: null },
  ];
  assert.deepEqual(readAppMetrics(JSON.stringify([...bad, good])), [good]);
});

function written(...apps: AppCounts[]): string[] {
  const out = new PrometheusText();
  writeAppMetrics(out, apps);
  return out.toString().trimEnd().split('\n');
}

test('writes what several apps count by one name as one metric, with the app as a label', () => {
  const counter = (value: number, labels: AppValue['labels'] = {}): AppMetric => metric('counter', [{ value, labels }]);
  const [web, api] = [
    { app: 'web', metrics: [counter(1)] },
    { app: 'api', metrics: [counter(2)] },
  ];
  const head = ['# HELP m M.', '# TYPE m counter'];
  assert.deepEqual(written(web, api), [...head, 'm{app="web"} 1', 'm{app="api"} 2']);
  assert.deepEqual(written(web), [...head, 'm 1']);
  const gauge = { app: 'job', metrics: [metric('gauge', [{ value: 3, labels: {} }])] };
  assert.deepEqual(written(web, gauge), [...head, 'm{app="web"} 1'], 'of two types the first counts');
  const own = { app: 'job', metrics: [counter(4, { app: 'web' })] };
  assert.deepEqual(written(web, own), [...head, 'm{app="web"} 1'], 'no series is there twice');
});
