/** docs/bench.svg: one panel of bars per figure that matters, two panels a row. */

import type { Panel } from '../cases/bench-case.ts';
import { figureText } from './figure-text.ts';
import type { CaseReport, Report, SystemSummary } from './report.ts';
import { settingLines } from './setting-text.ts';
import { rectangle, svgDocument, text } from './svg.ts';

const WIDTH = 960;
const MARGIN = 32;
const GAP = 40;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2;
const HEAD_HEIGHT = 84;
const PANEL_HEAD = 46;
const BAR_HEIGHT = 20;
const BAR_STEP = 28;
const PANEL_FOOT = 28;
const LABEL_WIDTH = 142;
const VALUE_WIDTH = 68;

const INK = '#1f2933';
const FAINT = '#66727f';
/** Evener in colour, peers in grey; what is stacked on top is paler. */
const EVENER_FILLS = ['#0b7285', '#7bc8d4'];
const PEER_FILLS = ['#8793a0', '#cbd3da'];

interface Placed {
  readonly panel: Panel;
  readonly summaries: readonly SystemSummary[];
}

export function chartSvg(report: Report): string {
  const panels = report.cases.flatMap(panelsOf);
  const parts = [
    text(MARGIN, 40, 'Evener and its peers, side by side', { size: 20, fill: INK, isBold: true }),
    text(MARGIN, 62, settingLines(report)[0]!, { size: 12, fill: FAINT }),
  ];
  let top = HEAD_HEIGHT;
  for (let i = 0; i < panels.length; i += 2) {
    const row = panels.slice(i, i + 2);
    row.forEach((placed, column) => {
      parts.push(panelSvg(placed, MARGIN + column * (PANEL_WIDTH + GAP), top));
    });
    top += PANEL_HEAD + PANEL_FOOT + BAR_STEP * Math.max(...row.map(({ summaries }) => summaries.length));
  }
  return svgDocument(WIDTH, top + 8, 'Benchmark of Evener and its peers', parts);
}

function panelsOf({ panels, summaries }: CaseReport): Placed[] {
  return panels
    .map((panel) => ({
      panel,
      summaries: summaries.filter(({ figures }) => panel.figures.every((key) => figures[key] !== undefined)),
    }))
    .filter((placed) => placed.summaries.length > 0);
}

function panelSvg({ panel, summaries }: Placed, left: number, top: number): string {
  const better = panel.isHigherBetter ? 'more is better' : 'less is better';
  const stack = panel.figures.length > 1 ? ', dark: balancer, pale: workers' : '';
  const longest = Math.max(...summaries.map((summary) => total(panel, summary)));
  const scale = (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / (longest > 0 ? longest : 1);
  const bars = summaries.map((summary, i) => barSvg(panel, summary, left, top + PANEL_HEAD + i * BAR_STEP, scale));
  return [
    text(left, top + 16, panel.title, { size: 14, fill: INK, isBold: true }),
    text(left, top + 34, `${panel.unit} (${better}${stack})`, { size: 12, fill: FAINT }),
    ...bars,
  ].join('\n');
}

function barSvg(panel: Panel, summary: SystemSummary, left: number, top: number, scale: number): string {
  const isEvener = summary.name.startsWith('evener');
  const fills = isEvener ? EVENER_FILLS : PEER_FILLS;
  const baseline = top + BAR_HEIGHT - 5;
  const parts = [text(left, baseline, summary.label, { size: 13, fill: INK, isBold: isEvener })];
  let x = left + LABEL_WIDTH;
  panel.figures.forEach((key, i) => {
    const width = Math.max(0, summary.figures[key]!.median) * scale;
    parts.push(rectangle(x, top, width, BAR_HEIGHT, fills[i % fills.length]!));
    x += width;
  });
  const value = figureText(total(panel, summary), panel.digits);
  const mark = summary.errors + summary.failures.length > 0 ? ' !' : '';
  parts.push(text(x + 6, baseline, value + mark, { size: 13, fill: INK, isBold: isEvener }));
  return parts.join('\n');
}

function total(panel: Panel, { figures }: SystemSummary): number {
  return panel.figures.reduce((sum, key) => sum + (figures[key]?.median ?? 0), 0);
}
