import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUTCOMES, type OutcomeFacts } from '../../src/core/outcome.ts';
import { readPage, tableOf } from './pages.ts';

test('docs/errors.md has the table of outcomes', () => {
  const heads = ['code', 'status', 'side', 'retry', 'flag', 'meaning'];
  assert.deepEqual(tableOf(readPage('docs/errors.md'), heads), OUTCOMES.map(rowOf));
});

test('docs/errors.md has the codes of EvenerError', () => {
  // Codes are a type, which leaves no trace in what is compiled.
  const codes = [...readPage('src/core/evener-error.ts').matchAll(/\/\*\* ([^*]+) \*\/\s*\| '(EVENER_\w+)'/g)];
  assert.ok(codes.length >= 7);
  assert.deepEqual(
    tableOf(readPage('docs/errors.md'), ['code', 'meaning']),
    codes.map(([, meaning, code]) => [`\`${code}\``, meaning]),
  );
});

function rowOf({ code, status, side, retry, flag, meaning }: OutcomeFacts): string[] {
  return [`\`${code}\``, status === 0 ? '–' : String(status), side, retry, `\`${flag}\``, meaning];
}
