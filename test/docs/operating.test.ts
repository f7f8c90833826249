import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VERBS } from '../../src/cli/verb-arguments.ts';
import { API_ERRORS } from '../../src/control/api-error.ts';
import { OPENAPI_ROUTE } from '../../src/control/openapi.ts';
import { ROUTES } from '../../src/control/routes.ts';
import { METRICS } from '../../src/observability/metric-table.ts';
import { RESTART_CAUSES } from '../../src/supervision/restart-counts.ts';
import { readPage, tableOf } from './pages.ts';

test('docs/operating.md has every verb', () => {
  const rows = Object.entries(VERBS).map(([verb, { usage, meaning }]) => {
    return [`\`${verb}\``, usage === '' ? '' : `\`${usage}\``, meaning];
  });
  const table = tableOf(readPage('docs/operating.md'), ['verb', 'takes', 'what it does']);
  assert.deepEqual(table.toSorted(), rows.toSorted());
});

test('docs/admin.md has every path and every error of the API', () => {
  const page = readPage('docs/admin.md');
  assert.deepEqual(
    tableOf(page, ['request', 'what it does']),
    [...ROUTES, OPENAPI_ROUTE].map(({ method, path, summary }) => [`\`${method} ${path}\``, summary]),
  );
  assert.deepEqual(
    tableOf(page, ['code', 'status']),
    Object.entries(API_ERRORS).map(([code, status]) => [`\`${code}\``, String(status)]),
  );
});

test('docs/metrics.md has every metric', () => {
  const page = readPage('docs/metrics.md');
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help];
  });
  assert.deepEqual(tableOf(page, ['metric', 'type', 'labels', 'meaning']), rows);
  for (const cause of RESTART_CAUSES) assert.ok(page.includes(`\`${cause}\``), cause);
});
