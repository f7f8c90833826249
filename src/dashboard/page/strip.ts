import { setAttribute, svgElement } from './dom.ts';
import { STRIP_SAMPLES } from './history.ts';

const HEIGHT = 20;
/** A value that is not nought can be seen. */
const LEAST = 0.6;

/** A small picture of the last minutes of one figure. It says nothing that does not stand beside it as text. */
export class Strip {
  readonly root: SVGSVGElement;
  readonly #plain: SVGPathElement = svgElement('path', { class: 'strip-plain' });
  readonly #marked: SVGPathElement = svgElement('path', { class: 'strip-marked' });

  constructor() {
    this.root = svgElement(
      'svg',
      {
        class: 'strip',
        viewBox: `0 0 ${STRIP_SAMPLES} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
        focusable: 'false',
      },
      this.#plain,
      this.#marked,
    );
  }

  /** A bar a sample, the newest at the right. @param marked those in the colour of trouble */
  drawBars(values: readonly number[], full: number, marked: readonly boolean[] = []): void {
    const first = STRIP_SAMPLES - values.length;
    let [plain, bad] = ['', ''];
    values.forEach((value, i) => {
      if (value <= 0) return;
      const height = Math.max(LEAST, Math.min(1, value / full) * HEIGHT);
      const bar = `M${first + i} ${HEIGHT}v-${height.toFixed(1)}h1V${HEIGHT}z`;
      if (marked[i] === true) bad += bar;
      else plain += bar;
    });
    setAttribute(this.#plain, 'd', plain);
    setAttribute(this.#marked, 'd', bad);
  }

  /** One line from left to right over however many values there are. */
  drawLine(values: readonly number[], full: number): void {
    const step = STRIP_SAMPLES / Math.max(1, values.length - 1);
    const every = Math.max(1, Math.floor(values.length / STRIP_SAMPLES));
    let line = '';
    for (let i = 0; i < values.length; i += every) {
      const y = HEIGHT - Math.min(1, values[i]! / full) * (HEIGHT - 1) - 0.5;
      line += `${line === '' ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    }
    setAttribute(this.#plain, 'class', 'strip-line');
    setAttribute(this.#plain, 'd', line);
  }
}
