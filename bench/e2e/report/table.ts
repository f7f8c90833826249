/** Markdown tables, padded so that they read as well in a terminal as on a page. */

/** The first column is text, the others are figures unless `isText` says otherwise. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isText: (column: number) => boolean = (column) => column === 0,
): string {
  const widths = head.map((title, column) =>
    Math.max(3, ...[title, ...rows.map((row) => row[column] ?? '')].map(length)),
  );
  const pad = (text: string, column: number): string => {
    const room = ' '.repeat(Math.max(0, widths[column]! - length(text)));
    return isText(column) ? text + room : room + text;
  };
  const line = (cells: readonly string[]): string => `| ${head.map((_, i) => pad(cells[i] ?? '', i)).join(' | ')} |`;
  const rule = widths.map((width, i) => (isText(i) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

function length(text: string): number {
  return [...text].length;
}
