/** The table of one case: a row per system, then what evener is to each peer. */

import type { Figure } from '../cases/bench-case.ts';
import { figureText, spreadText } from './figure-text.ts';
import type { CaseReport, SystemSummary } from './report.ts';
import { table } from './table.ts';

export function caseTable(report: CaseReport): string {
  const head = ['system', ...report.figures.map(({ label }) => label), 'errors'];
  const rows = report.summaries.map((summary) => [
    summary.label,
    ...report.figures.map(({ key, digits }) => spreadText(summary.figures[key], digits)),
    errorsText(summary),
  ]);
  return table(head, [...rows, ...ratioRows(report)]);
}

/** What went wrong in full, one paragraph per system; empty when nothing did. */
export function failureNotes(report: CaseReport): string {
  return report.summaries
    .flatMap(({ label, failures }) => failures.map((failure) => `${label} failed: ${failure}`))
    .join('\n');
}

function errorsText({ errors, failures }: SystemSummary): string {
  if (failures.length > 0) return 'failed !';
  return errors === 0 ? '0' : `${figureText(errors, 0)} !`;
}

/** Ratios of medians. */
function ratioRows({ summaries, figures }: CaseReport): string[][] {
  const evener = summaries.find(({ name }) => name.startsWith('evener'));
  if (evener === undefined || Object.keys(evener.figures).length === 0) return [];
  return summaries
    .filter((peer) => peer !== evener && Object.keys(peer.figures).length > 0)
    .map((peer) => [
      `evener / ${peer.label}`,
      ...figures.map((figure) => figureText(ratio(evener, peer, figure), 2)),
      '',
    ]);
}

/** NaN where the peer's figure is too near to nothing to divide by: under ten of the last digit that is printed. */
function ratio(evener: SystemSummary, peer: SystemSummary, { key, digits }: Figure): number {
  const divisor = peer.figures[key]?.median ?? Number.NaN;
  return divisor < 10 ** (1 - digits) ? Number.NaN : (evener.figures[key]?.median ?? Number.NaN) / divisor;
}
