import { SHOWN_BUCKETS } from './histogram.ts';
import { METRICS, type MetricName, type MetricSpec } from './metric-table.ts';

export type Labels = Readonly<Record<string, string | number>>;

/** Writes the Prometheus text format, version 0.0.4. */
export class PrometheusText {
  /** By metric: its lines. */
  readonly #families = new Map<string, string[]>();

  /** A sample of one of our own. */
  add(name: MetricName, labels: Labels, value: number): void {
    this.#family(name, specOf(name)).push(sampleLine(name, labels, value));
  }

  /** A histogram of ours. @param counts by bucket, see `histogram.ts` @param sumMs of all that was counted */
  addHistogram(name: MetricName, labels: Labels, counts: ArrayLike<number>, sumMs: number): void {
    const lines = this.#family(name, specOf(name));
    let below = 0;
    let next = 0;
    for (const { last, seconds } of SHOWN_BUCKETS) {
      for (; next <= last; next++) below += counts[next]!;
      lines.push(sampleLine(`${name}_bucket`, { ...labels, le: numberText(seconds) }, below));
    }
    for (; next < counts.length; next++) below += counts[next]!;
    lines.push(sampleLine(`${name}_bucket`, { ...labels, le: '+Inf' }, below));
    lines.push(sampleLine(`${name}_sum`, labels, sumMs / 1000));
    lines.push(sampleLine(`${name}_count`, labels, below));
  }

  /** A metric of apps. Of two with one name the first counts, and ours before theirs. */
  addForeign(name: string, type: string, help: string, samples: readonly ForeignSample[]): void {
    if (this.#families.has(name) || Object.hasOwn(METRICS, name)) return;
    const lines = this.#family(name, { type, help });
    for (const sample of samples) lines.push(sampleLine(sample.name, sample.labels, sample.value));
  }

  toString(): string {
    return [...this.#families.values()].flat().join('\n').concat('\n');
  }

  #family(name: string, { type, help }: { type: MetricSpec['type'] | string; help: string }): string[] {
    let lines = this.#families.get(name);
    if (lines === undefined) {
      lines = [`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`, `# TYPE ${name} ${type}`];
      this.#families.set(name, lines);
    }
    return lines;
  }
}

function specOf(name: MetricName): MetricSpec {
  const spec = METRICS[name];
  if (spec === undefined) throw new Error(`${name} is not in the table of metrics`);
  return spec;
}

export interface ForeignSample {
  /** With `_bucket`, `_sum` or `_count` where it is one. */
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const entries = Object.entries(labels);
  const shown = entries.map(([label, text]) => `${label}="${escaped(String(text))}"`).join(',');
  return `${name}${entries.length === 0 ? '' : `{${shown}}`} ${numberText(value)}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
