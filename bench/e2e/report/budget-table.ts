/** The performance budget: what was to be reached, and whether it was. */

import { figureText, spreadText } from './figure-text.ts';
import type { BudgetReport, Report } from './report.ts';
import { table } from './table.ts';

export function budgetTable(report: Report): string {
  const rows = report.cases.flatMap(({ budget }) => budget).map(budgetRow);
  return table(['case', 'figure', 'to reach', 'verdict'], rows, (column) => column === 0 || column === 3);
}

function budgetRow({ what, figure, digits, unit, bound, target, verdict, isMarked }: BudgetReport): string[] {
  const unitText = unit === '' ? '' : ` ${unit}`;
  return [
    what,
    figure === null ? '–' : `${spreadText(figure, digits)}${unitText}`,
    `${bound} ${targetText(target)}${unitText}`,
    isMarked ? `${verdict}, with errors !` : verdict,
  ];
}

/** Targets as the design writes them: 0.65 in full, 2 as 2.0, 200 as 200. */
function targetText(target: number): string {
  return target < 8 && !/\.\d\d/.test(String(target)) ? figureText(target, 1) : String(target);
}
