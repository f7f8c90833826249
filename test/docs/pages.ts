import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Ends with a slash. */
export const REPOSITORY: string = fileURLToPath(new URL('../../../', import.meta.url));

/** @param path from the repository's root */
export function readPage(path: string): string {
  return readFileSync(REPOSITORY + path, 'utf8');
}

/** The cells of the first table with these heads, row by row, without the heads and the line under them. */
export function tableOf(page: string, heads: readonly string[]): string[][] {
  const lines = page.split('\n');
  const wanted = heads.join('|');
  const at = lines.findIndex((line) => line.startsWith('|') && cellsOf(line).join('|') === wanted);
  if (at === -1) throw new Error(`no table with the heads ${heads.join(', ')}`);
  const rows = lines.slice(at + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return (end === -1 ? rows : rows.slice(0, end)).map(cellsOf);
}

/** A bar within a cell is written \|. */
function cellsOf(row: string): string[] {
  const cells = row.split(/(?<!\\)\|/).slice(1, -1);
  return cells.map((cell) => cell.trim().replaceAll('\\|', '|'));
}
