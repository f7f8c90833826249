import { table } from '../e2e/report/table.ts';
import { IDEAL, type Result, type Row } from './run.ts';

/** One table for each percentile: scenarios down, policies across. */
export function figureTables(results: readonly Result[]): string {
  const sections: readonly [string, (row: Row) => number][] = [
    ['99th percentile', (row) => row.p99],
    ['99.9th percentile', (row) => row.p999],
    ['Median', (row) => row.p50],
  ];
  return sections.map(([title, read]) => `### ${title}\n\n${figureTable(results, read)}`).join('\n\n');
}

function figureTable(results: readonly Result[], read: (row: Row) => number): string {
  const names = results[0]!.rows.map(({ name }) => name);
  return table(
    ['', ...names.map((name) => (name === IDEAL ? name : `\`${name}\``))],
    results.map(({ scenario, rows }) => [scenario.title, ...rows.map((row) => figure(read(row)))]),
  );
}

/** Three digits. More than a hundred says little: a queue may have grown for as long as the run lasted. */
export function figure(value: number): string {
  if (value >= 100) return '> 100';
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
