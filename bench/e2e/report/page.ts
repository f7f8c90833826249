/** docs/bench.md, written by the run that it tells of. */

import { budgetTable } from './budget-table.ts';
import { caseTable, failureNotes } from './case-table.ts';
import type { CaseReport, Report } from './report.ts';
import { settingLines } from './setting-text.ts';

export function pageText(report: Report): string {
  const cases = report.cases.filter(({ summaries }) => summaries.length > 0);
  return `# Benchmark

<!-- Written by \`npm run bench -- --write\`; changes made by hand are lost with the next run. -->

Evener beside node:cluster, HAProxy and nginx: the same apps, the same Node binary, one run on one machine.
How each case is measured, and how to run it yourself: [bench/README.md](../bench/README.md). All samples:
[bench/results](../bench/results).

${settingLines(report)
  .map((line) => `- ${line}`)
  .join('\n')}

![Bars for each case and system; the figures are those of the tables below](bench.svg)

## Performance budget

${budgetTable(report)}

Ratios are ratios of medians; in parentheses the least and the most of any one round.

${cases.map(caseSection).join('\n\n')}
`;
}

function caseSection(report: CaseReport): string {
  const notes = failureNotes(report);
  const fenced = notes === '' ? '' : `\n\n\`\`\`text\n${notes}\n\`\`\``;
  return `## ${report.title}\n\n${report.method}\n\n${caseTable(report)}${fenced}`;
}
