import type { ForeignSample, PrometheusText } from './prometheus-text.ts';

/** A metric as prom-client's `register.getMetricsAsJSON()` tells it. */
export interface AppMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly AppValue[];
  /** How values of several processes are put together; see {@link Aggregator}. */
  readonly aggregator: string;
}

export interface AppValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** `x_bucket`, `x_sum`, `x_count`, where it is not the metric's own name. */
  readonly metricName?: string;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** prom-client's words for it: what several workers' values of one series come to. null = nothing. */
const AGGREGATORS: Readonly<Record<string, (values: readonly number[]) => number | null>> = {
  sum: sumOf,
  first: (values) => values[0]!,
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  average: (values) => sumOf(values) / values.length,
  omit: () => null,
};

/** What a worker sends is not to be trusted: null for what is no list of metrics. Metrics that make no sense are left out. */
export function readAppMetrics(text: string): AppMetric[] | null {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  return Array.isArray(list) ? list.filter(isAppMetric) : null;
}

/**
 * Merges the metrics of an app's workers by type: counters and histograms are added up, gauges as their aggregator says.
 * Of a summary, sums and counts are added up; a quantile of the whole lies between those of the workers, and is shown as
 * their mean, weighted by how much each has observed.
 */
export function mergeAppMetrics(workers: readonly (readonly AppMetric[])[]): AppMetric[] {
  const merged = new Map<string, AppMetric[]>();
  for (const metric of workers.flat()) {
    const same = merged.get(metric.name);
    if (same === undefined) merged.set(metric.name, [metric]);
    // During a reload, old and new code may mean different things by one name.
    else if (same[0]!.type === metric.type) same.push(metric);
  }
  return [...merged.values()].map((same) => ({ ...same[0]!, values: mergeValues(same) }));
}

/** What one app has counted, merged. */
export interface AppCounts {
  readonly app: string;
  readonly metrics: readonly AppMetric[];
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: ForeignSample[];
}

/**
 * Writes them, what apps have counted by one name as one metric: the format knows each once. Where there are several apps a
 * series has its app as a label, unless it has one of that name itself; of two that are the same then the first counts.
 */
export function writeAppMetrics(out: PrometheusText, apps: readonly AppCounts[]): void {
  const areSeveral = apps.length > 1;
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  for (const { app, metrics } of apps) {
    for (const { name, type, help, values } of metrics) {
      if (values.length === 0) continue;
      const family = families.get(name) ?? { type, help, samples: [] };
      families.set(name, family);
      // Two apps may mean different things by one name.
      if (family.type !== type) continue;
      for (const { metricName, labels, value } of values) {
        const sample = { name: metricName ?? name, labels: areSeveral ? { app, ...labels } : labels, value };
        const key = areSeveral ? `${sample.name}${labelsKey(sample.labels)}` : '';
        if (seen.has(key)) continue;
        if (areSeveral) seen.add(key);
        family.samples.push(sample);
      }
    }
  }
  for (const [name, { type, help, samples }] of families) out.addForeign(name, type, help, samples);
}

function mergeValues(metrics: readonly AppMetric[]): AppValue[] {
  const { type, name, aggregator } = metrics[0]!;
  const series = new Map<string, { readonly first: AppValue; readonly values: number[]; readonly weights: number[] }>();
  for (const metric of metrics) {
    for (const one of metric.values) {
      const key = keyOf(one, name);
      const known = series.get(key) ?? { first: one, values: [], weights: [] };
      series.set(key, known);
      known.values.push(one.value);
      known.weights.push(type === 'summary' ? countBeside(one, metric) : 1);
    }
  }
  const isAdded = type === 'counter' || type === 'histogram';
  return [...series.values()].flatMap(({ first, values, weights }) => {
    const value = isQuantile(first, type)
      ? weightedMean(values, weights)
      : aggregatorOf(isAdded && aggregator !== 'omit' ? 'sum' : aggregator)(values);
    return value === null ? [] : [{ ...first, value }];
  });
}

/** An app may call its own anything, such as `__proto__`. */
function aggregatorOf(name: string): (values: readonly number[]) => number | null {
  return Object.hasOwn(AGGREGATORS, name) ? AGGREGATORS[name]! : sumOf;
}

function isQuantile({ labels }: AppValue, type: string): boolean {
  return type === 'summary' && 'quantile' in labels;
}

/** How many observations the quantile is of: the worker's own `_count` of the same labels. */
function countBeside(value: AppValue, metric: AppMetric): number {
  const { quantile: _, ...labels } = value.labels;
  const key = labelsKey(labels);
  const count = metric.values.find((one) => one.metricName === `${metric.name}_count` && labelsKey(one.labels) === key);
  return count?.value ?? 1;
}

function weightedMean(values: readonly number[], weights: readonly number[]): number {
  // A quantile of nothing is NaN, or 0 with no weight.
  const known = values.map((value, i) => ({ value, weight: weights[i]! })).filter(({ value }) => !Number.isNaN(value));
  const total = known.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return values[0]!;
  return known.reduce((sum, { value, weight }) => sum + value * weight, 0) / total;
}

function keyOf({ metricName, labels }: AppValue, name: string): string {
  return `${metricName ?? name}${labelsKey(labels)}`;
}

function labelsKey(labels: AppValue['labels']): string {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries.map(([label, value]) => [label, String(value)]));
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const TYPES: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary']);

function isAppMetric(metric: unknown): metric is AppMetric {
  if (typeof metric !== 'object' || metric === null) return false;
  const { name, help, type, values, aggregator } = metric as Partial<AppMetric>;
  return (
    typeof name === 'string' &&
    NAME.test(name) &&
    typeof help === 'string' &&
    typeof type === 'string' &&
    TYPES.has(type) &&
    typeof aggregator === 'string' &&
    Array.isArray(values) &&
    values.every((value) => isAppValue(value, name))
  );
}

function isAppValue(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { value: number, labels, metricName } = value as Partial<AppValue>;
  return (
    typeof number === 'number' &&
    typeof labels === 'object' &&
    labels !== null &&
    Object.keys(labels).every((label) => LABEL.test(label)) &&
    (metricName === undefined ||
      (typeof metricName === 'string' && metricName.startsWith(name) && NAME.test(metricName)))
  );
}
