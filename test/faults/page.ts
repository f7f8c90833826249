import type { Figures, Scenario } from './scenario.ts';

export const HEADS: readonly string[] = ['scenario', 'what happens', 'what is promised', 'measured'];

/** The page with the table of scenarios made anew; figures that were not measured now stay as they are. */
export function withFigures(
  page: string,
  scenarios: readonly Scenario[],
  figures: ReadonlyMap<string, Figures>,
): string {
  const lines = page.split('\n');
  const start = lines.findIndex((line) => line.startsWith('| scenario '));
  let end = start;
  while (lines[end]?.startsWith('|')) end++;
  const before = new Map(
    lines.slice(start + 2, end).map((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      return [cells[1]!.replaceAll('`', ''), cells[4]!] as const;
    }),
  );
  const rows = scenarios.map(({ name, event, promise }) => {
    const measured = figures.get(name);
    const text =
      measured === undefined
        ? (before.get(name) ?? '–')
        : Object.entries(measured)
            .map(([key, value]) => `${key}: ${value}`)
            .join('; ');
    return [`\`${name}\``, event, promise, text];
  });
  const all = [HEADS, ...rows];
  const widths = HEADS.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  lines.splice(start, end - start, line(HEADS), rule, ...rows.map(line));
  return lines.join('\n');
}
