/** The report on disk. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docsDir, resultsDir } from '../repository.ts';
import { chartSvg } from './chart.ts';
import { pageText } from './page.ts';
import { REPORT_FORMAT, type Report } from './report.ts';

/** Writes bench/results/<name>.json and answers its path. */
export function writeResult(report: Report, name: string): string {
  mkdirSync(resultsDir, { recursive: true });
  const path = join(resultsDir, `${name}.json`);
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

/** Writes the page and its chart and answers their paths. */
export function writeDocs(report: Report): string[] {
  const pagePath = join(docsDir, 'bench.md');
  const chartPath = join(docsDir, 'bench.svg');
  writeFileSync(pagePath, pageText(report));
  writeFileSync(chartPath, chartSvg(report));
  return [pagePath, chartPath];
}

/** A result that was kept; throws when the file is none, or one of another format. */
export function readResult(path: string): Report {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (isReport(value)) return value;
  throw new Error(`${path}: expected a bench result of format ${REPORT_FORMAT}`);
}

function isReport(value: unknown): value is Report {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === REPORT_FORMAT;
}
