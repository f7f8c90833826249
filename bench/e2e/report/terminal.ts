/** The report as it is printed. */

import { budgetTable } from './budget-table.ts';
import { caseTable, failureNotes } from './case-table.ts';
import type { CaseReport, Report } from './report.ts';
import { settingLines } from './setting-text.ts';

export function terminalText(report: Report): string {
  const parts = [settingLines(report).join('\n')];
  for (const caseReport of report.cases.filter(({ summaries }) => summaries.length > 0))
    parts.push(caseText(caseReport));
  parts.push(`Performance budget\n\n${budgetTable(report)}`);
  return `${parts.join('\n\n')}\n`;
}

function caseText(report: CaseReport): string {
  const notes = failureNotes(report);
  return `${report.title} (${report.name})\n\n${caseTable(report)}${notes === '' ? '' : `\n\n${notes}`}`;
}
