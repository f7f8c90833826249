import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_KNOBS, POLICY_NAMES } from '../../src/balancing/policies.ts';
import { optionOf } from '../../src/config/schema.ts';
import { STICKY_COOKIE } from '../../src/config/sticky.ts';
import { readPage, tableOf } from './pages.ts';

const page = readPage('docs/policies.md');

test('docs/policies.md has every policy, in the table and among the figures', () => {
  const names = tableOf(page, ['policy', 'picks', 'for', 'source']).map(([name]) => name);
  assert.deepEqual(
    names,
    POLICY_NAMES.map((name) => `\`${name}\``),
  );
  const figures = tableOf(page, ['', 'shared queue', ...names.map((name) => name!)]);
  assert.ok(figures.length > 5);
});

test('docs/policies.md tells the defaults', () => {
  const rows = new Map(tableOf(page, ['option', 'of', 'default', 'meaning']).map((row) => [row[0], row[2]]));
  assert.equal(rows.get('`hashBound`'), `\`${DEFAULT_KNOBS.hashBound}\``);
  assert.equal(rows.get('`firstRoom`'), `\`${DEFAULT_KNOBS.firstRoom}\``);
  assert.equal(rows.get('`slowStart`'), `\`'${optionOf('slowStart').default}'\``);
  const cookie = new Map(tableOf(page, ['option', 'default', 'meaning']).map((row) => [row[0], row[1]]));
  assert.equal(cookie.get('`name`'), `\`${STICKY_COOKIE.name}\``);
  assert.equal(cookie.get('`sameSite`'), `\`${STICKY_COOKIE.sameSite}\``);
  const keys = Object.keys(STICKY_COOKIE).map((key) => `\`${key === 'maxAgeSeconds' ? 'maxAge' : key}\``);
  assert.deepEqual([...cookie.keys()].sort(), keys.sort());
});
