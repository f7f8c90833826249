import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectation, OPTIONS, type OptionSpec } from '../../src/config/schema.ts';
import { readPage, tableOf } from './pages.ts';

test('docs/options.md has the table of options', () => {
  const table = tableOf(readPage('docs/options.md'), ['option', 'library', 'takes', 'default', 'meaning']);
  assert.deepEqual(table, OPTIONS.map(rowOf));
});

function rowOf(spec: OptionSpec): string[] {
  const short = spec.short === null ? '' : `, \`-${spec.short}\``;
  const flag = spec.flag === null ? '–' : `\`--${spec.flag}\`${short}`;
  const byDefault = spec.default === null ? spec.unset : `\`${spec.default}\``;
  return [flag, `\`${spec.key}\``, expectation(spec), byDefault, spec.meaning];
}
