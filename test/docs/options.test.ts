import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expectation } from '../../src/config/options.ts';
import { OPTIONS, type OptionSpec } from '../../src/config/schema.ts';
import { readPage, tableOf } from './pages.ts';

test('docs/options.md has the table of options', () => {
  const table = tableOf(readPage('docs/options.md'), ['option', 'library', 'takes', 'default', 'meaning']);
  assert.deepEqual(table, OPTIONS.map(rowOf));
});

function rowOf(spec: OptionSpec): string[] {
  const flag = `\`--${spec.flag}\`${spec.short === null ? '' : `, \`-${spec.short}\``}`;
  const byDefault = spec.default === null ? spec.unset : `\`${spec.default}\``;
  return [flag, `\`${spec.key}\``, expectation(spec), byDefault, spec.meaning];
}
