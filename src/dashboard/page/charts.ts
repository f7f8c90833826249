import type uPlotType from 'uplot';
import { byId, element, setAttribute, setText } from './dom.ts';
import { clockText, latencyText, rateText, UNKNOWN } from './format.ts';
import { type AppSeries, KEPT_SAMPLES } from './history.ts';

/** assets/uplot.js, which runs before the modules do. */
declare const uPlot: typeof uPlotType;

const HEIGHT = 180;
/** The time axis grows with what there is, from one minute on. */
const LEAST_SECONDS = 60;

interface Line {
  readonly name: string;
  /** Its name among the colours of style.css. */
  readonly color: string;
  readonly column: Exclude<keyof AppSeries, 'times'>;
  readonly isFilled: boolean;
}

interface ChartPlan {
  readonly id: string;
  readonly title: string;
  readonly lines: readonly Line[];
  /** Of a value, with its unit. */
  text(value: number | null): string;
  /** Of a mark on the axis. */
  mark(value: number): string;
}

const PLANS: readonly ChartPlan[] = [
  {
    id: 'traffic',
    title: 'Requests per second',
    lines: [
      { name: 'requests', color: '--line-1', column: 'requests', isFilled: true },
      { name: 'errors', color: '--line-bad', column: 'errors', isFilled: false },
    ],
    text: (value) => (value === null ? UNKNOWN : `${rateText(value)}/s`),
    mark: (value) => (value >= 10_000 ? `${value / 1000}k` : String(value)),
  },
  {
    id: 'latency',
    title: 'Latency',
    lines: [
      { name: 'p50', color: '--line-3', column: 'p50', isFilled: false },
      { name: 'p95', color: '--line-2', column: 'p95', isFilled: false },
      { name: 'p99', color: '--line-1', column: 'p99', isFilled: false },
    ],
    text: latencyText,
    mark: (value) => (value >= 1000 ? `${value / 1000} s` : `${value} ms`),
  },
];

/** The two large charts. Each has a legend in text that shows the newest values, or those under the pointer. */
export class Charts {
  readonly #charts: readonly Chart[] = PLANS.map((plan) => new Chart(plan));

  constructor() {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', () => {
      for (const chart of this.#charts) chart.recolor();
    });
  }

  draw(series: AppSeries): void {
    for (const chart of this.#charts) chart.draw(series);
  }
}

class Chart {
  readonly #plan: ChartPlan;
  readonly #frame: HTMLElement;
  readonly #time: HTMLElement = element('span', { class: 'legend-time' });
  readonly #values: readonly HTMLElement[];
  #plot: uPlotType | null = null;
  #series: AppSeries | null = null;

  constructor(plan: ChartPlan) {
    this.#plan = plan;
    this.#frame = byId(`${plan.id}-chart`);
    this.#values = plan.lines.map(() => element('span', { class: 'legend-value' }, UNKNOWN));
    const entries = plan.lines.map(({ name, color }, i) =>
      element(
        'span',
        { class: 'legend-entry' },
        element('i', { class: `swatch swatch${color}` }),
        name,
        ' ',
        this.#values[i]!,
      ),
    );
    byId(`${plan.id}-legend`).append(...entries, this.#time);
    new ResizeObserver(() => this.#fit()).observe(this.#frame);
  }

  draw(series: AppSeries): void {
    this.#series = series;
    if (this.#plot === null) this.#make();
    const { times } = series;
    const end = times.at(-1) ?? Date.now() / 1000;
    const span = Math.min(KEPT_SAMPLES, Math.max(LEAST_SECONDS, end - (times[0] ?? end)));
    this.#plot?.batch(() => {
      this.#plot!.setData(this.#data(series), false);
      this.#plot!.setScale('x', { min: end - span, max: end });
    });
    this.#tell();
    this.#describe(series);
  }

  /** A canvas knows no style sheet: it is made anew in the new colours. */
  recolor(): void {
    this.#plot?.destroy();
    this.#plot = null;
    if (this.#series !== null) this.draw(this.#series);
  }

  #make(): void {
    if (this.#frame.clientWidth === 0) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string): string => style.getPropertyValue(name).trim();
    const font = `11px ${style.getPropertyValue('--text-font').trim()}`;
    const axis = { stroke: color('--text-quiet'), font, ticks: { show: false } };
    const options: uPlotType.Options = {
      width: this.#frame.clientWidth,
      height: HEIGHT,
      // The last time of the axis stands half beyond its end.
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_plot, _min, max) => [0, ceiling(max)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 22, space: 70, values: '{HH}:{mm}:{ss}' },
        {
          ...axis,
          grid: { stroke: color('--rule'), width: 1 },
          size: 52,
          space: 36,
          values: (_plot, marks) => marks.map((mark) => this.#plan.mark(mark)),
        },
      ],
      series: [
        {},
        ...this.#plan.lines.map((line) => ({
          label: line.name,
          stroke: color(line.color),
          width: 1.5,
          points: { show: false },
          ...(line.isFilled ? { fill: color('--line-fill') } : {}),
        })),
      ],
      hooks: { setCursor: [() => this.#tell()] },
    };
    this.#plot = new uPlot(options, [[], ...this.#plan.lines.map(() => [])], this.#frame);
  }

  #data(series: AppSeries): uPlotType.AlignedData {
    return [
      series.times,
      ...this.#plan.lines.map(({ column }) => (column === 'errors' ? some(series.errors) : series[column])),
    ];
  }

  #fit(): void {
    const width = this.#frame.clientWidth;
    if (this.#plot === null && this.#series !== null) this.draw(this.#series);
    else if (this.#plot !== null && width > 0 && width !== this.#plot.width)
      this.#plot.setSize({ width, height: HEIGHT });
  }

  /** The values under the pointer, or the newest. */
  #tell(): void {
    const series = this.#series;
    if (series === null) return;
    const pointed = this.#plot?.cursor.idx ?? null;
    const at = pointed ?? series.times.length - 1;
    this.#plan.lines.forEach(({ column }, i) => {
      setText(this.#values[i]!, this.#plan.text(series[column][at] ?? null));
    });
    const time = pointed === null ? undefined : series.times[pointed];
    setText(this.#time, time === undefined ? '' : clockText(new Date(time * 1000).toISOString()));
  }

  /** What those hear who do not see it. */
  #describe(series: AppSeries): void {
    const { title, lines, text } = this.#plan;
    const minutes = Math.max(1, Math.round(series.times.length / 60));
    const parts = lines.map(({ name, column }) => {
      const known = series[column].filter((value) => value !== null);
      const most = known.length === 0 ? null : Math.max(...known);
      return `${name} ${text(series[column].at(-1) ?? null)}, at most ${text(most)}`;
    });
    setAttribute(this.#frame, 'aria-label', `${title}, last ${minutes} min: ${parts.join('; ')}`);
  }
}

/** No errors are no line: a red one along the bottom would look like trouble. */
function some(values: readonly (number | null)[]): (number | null)[] {
  return values.map((value) => (value === 0 ? null : value));
}

/** Some room above the highest value, and none of a line along the bottom when all is nought. */
function ceiling(max: number | null): number {
  return max === null || max <= 0 ? 1 : max * 1.08;
}
