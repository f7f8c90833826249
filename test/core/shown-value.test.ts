import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownValue } from '../../src/core/shown-value.ts';

test('shows a value as it would be written, and not all of it', () => {
  const shown = [
    ['a"b', '"a\\"b"'],
    [undefined, 'nothing'],
    [() => 1, 'a function'],
    [10n, '10'],
    [Symbol('many'), 'Symbol(many)'],
    ['x'.repeat(1000), `"${'x'.repeat(199)}...`],
  ] as const;
  for (const [value, text] of shown) assert.equal(shownValue(value), text);
});

test('shows of what has no end, or is deeper than the stack, that it does', () => {
  const around: Record<string, unknown> = {};
  around.self = around;
  for (const value of [around, [around]]) assert.equal(shownValue(value), 'what cannot be written as JSON');
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  // From Node 26 on its stack is deep enough.
  assert.match(shownValue(deep), /^(what cannot be written as JSON|\[{200}\.\.\.)$/);
});
