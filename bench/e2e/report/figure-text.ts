/** Figures as text. */

import type { Spread } from './report.ts';

/** With separated thousands and so many digits after the point. */
export function figureText(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The median, then the least and the most of any round. */
export function spreadText(spread: Spread | null | undefined, digits: number): string {
  if (spread === null || spread === undefined) return '–';
  const { median, min, max } = spread;
  const text = figureText(median, digits);
  if (text === '–' || min === max) return text;
  return `${text} (${figureText(min, digits)}–${figureText(max, digits)})`;
}
