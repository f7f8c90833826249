/** Writes the table of options into docs/options.md, from src/config/schema.ts as built. Run it after a row has changed. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expectation, OPTIONS } from '../dist/config/schema.js';

const page = new URL('../docs/options.md', import.meta.url);
const rows = [
  ['option', 'library', 'takes', 'default', 'meaning'],
  ...OPTIONS.map((spec) => [
    spec.flag === null ? '–' : `\`--${spec.flag}\`${spec.short === null ? '' : `, \`-${spec.short}\``}`,
    `\`${spec.key}\``,
    expectation(spec),
    spec.default === null ? spec.unset : `\`${spec.default}\``,
    spec.meaning,
  ]),
];
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`);
lines.splice(1, 0, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
writeFileSync(page, readFileSync(page, 'utf8').replace(/\| option {2}[\s\S]*?\n\n/, `${lines.join('\n')}\n\n`));
