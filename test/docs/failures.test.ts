import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../faults/all.ts';
import { HEADS } from '../faults/page.ts';
import { readPage, tableOf } from './pages.ts';

test('docs/failures.md has a row for every scenario, with figures', () => {
  const table = tableOf(readPage('docs/failures.md'), HEADS);
  assert.deepEqual(
    table.map((cells) => cells.slice(0, 3)),
    SCENARIOS.map(({ name, event, promise }) => [`\`${name}\``, event, promise]),
  );
  assert.ok(table.every(([, , , measured]) => measured !== '–'));
});
