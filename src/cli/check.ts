import { type LoadedOptions, OPTIONS } from '../index.ts';

/** What `evener check` prints: every option, its value, and where that came from. */
export function checkText({ options, notes }: LoadedOptions, json: boolean): string {
  const rows = options.origins.filter(({ value }) => typeof value !== 'function');
  if (json) {
    const { name, file } = options;
    return `${JSON.stringify({ name, file, options: rows, notes }, null, 2)}\n`;
  }
  const shown = rows.map(({ key, value, source }) => [key, textOf(value) ?? unsetText(key), source] as const);
  const widths = [0, 1].map((column) => Math.max(...shown.map((row) => row[column]!.length)));
  const lines = shown.map(
    ([key, value, source]) => `${key.padEnd(widths[0]!)}  ${value.padEnd(widths[1]!)}  ${source}`,
  );
  return [
    `# ${options.name}: ${options.file ?? 'no config file'}`,
    ...lines,
    ...notes.map((note) => `# ${note}`),
    '',
  ].join('\n');
}

/** What it means that an option is not set. */
function unsetText(key: string): string {
  const spec = OPTIONS.find((one) => one.key === key.slice(key.lastIndexOf('.') + 1));
  return spec === undefined || spec.unset === '' ? '-' : `- (${spec.unset})`;
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
