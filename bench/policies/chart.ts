import { rectangle, svgDocument, text } from '../e2e/report/svg.ts';
import { figure } from './figures.ts';
import { IDEAL, type Result, type Row } from './run.ts';
import { LOAD } from './scenario.ts';

const WIDTH = 960;
const MARGIN = 32;
const GAP = 40;
const COLUMNS = 3;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
const HEAD_HEIGHT = 92;
const PANEL_HEAD = 44;
const PANEL_FOOT = 26;
const BAR_HEIGHT = 14;
const BAR_STEP = 20;
const LABEL_WIDTH = 92;
const VALUE_WIDTH = 44;

/** Bars longer than so many times the ideal are cut: a queue that grows without end would flatten all the rest. */
const LONGEST = 5;

const INK = '#1f2933';
const FAINT = '#66727f';
const DEFAULT_FILL = '#0b7285';
const IDEAL_FILL = '#cbd3da';
const OTHER_FILL = '#8793a0';

/** docs/policies.svg: the 99th percentile of every policy, a panel for each scenario. */
export function chartSvg(results: readonly Result[], byDefault: string): string {
  const parts = [
    text(MARGIN, 38, 'Policies against an ideal shared queue: 99th percentile', { size: 20, fill: INK, isBold: true }),
    text(
      MARGIN,
      60,
      `in mean service times, less is better; load ${LOAD * 100} %. Bars of more than ${LONGEST} times the ideal are cut.`,
      {
        size: 12,
        fill: FAINT,
      },
    ),
  ];
  let top = HEAD_HEIGHT;
  for (let i = 0; i < results.length; i += COLUMNS) {
    const row = results.slice(i, i + COLUMNS);
    row.forEach((result, column) => {
      parts.push(panelSvg(result, byDefault, MARGIN + column * (PANEL_WIDTH + GAP), top));
    });
    top += PANEL_HEAD + PANEL_FOOT + BAR_STEP * row[0]!.rows.length;
  }
  return svgDocument(WIDTH, top, 'Policies against an ideal shared queue', parts);
}

function panelSvg({ scenario, rows }: Result, byDefault: string, left: number, top: number): string {
  const ideal = rows.find(({ name }) => name === IDEAL)!;
  const scale = (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / (LONGEST * ideal.p99);
  const [title, ...rest] = scenario.title.split(', ');
  return [
    text(left, top + 14, title!, { size: 14, fill: INK, isBold: true }),
    text(left, top + 31, rest.join(', '), { size: 11, fill: FAINT }),
    ...rows.map((row, i) => barSvg(row, byDefault, left, top + PANEL_HEAD + i * BAR_STEP, scale, LONGEST * ideal.p99)),
  ].join('\n');
}

function barSvg(row: Row, byDefault: string, left: number, top: number, scale: number, longest: number): string {
  const isDefault = row.name === byDefault;
  const fill = row.name === IDEAL ? IDEAL_FILL : isDefault ? DEFAULT_FILL : OTHER_FILL;
  const width = Math.min(row.p99, longest) * scale;
  const baseline = top + BAR_HEIGHT - 3;
  return [
    text(left, baseline, row.name, { size: 11, fill: INK, isBold: isDefault }),
    rectangle(left + LABEL_WIDTH, top, width, BAR_HEIGHT, fill),
    text(left + LABEL_WIDTH + width + 5, baseline, figure(row.p99), { size: 11, fill: INK, isBold: isDefault }),
  ].join('\n');
}
