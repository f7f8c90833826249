import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { CHUNKS, FIELDS, FRAMING, HOSTS, REQUEST_LINES } from '../http/request-corpus.ts';
import { SMUGGLING } from '../http/smuggling-corpus.ts';
import { REPOSITORY, readPage } from './pages.ts';

/** Names of all tests: those that stand in the sources as they are, and those of the corpora. */
function testNames(): Set<string> {
  const sources = readdirSync(`${REPOSITORY}test`, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(\.test|-suite)\.ts$/.test(name),
  );
  const written = sources.flatMap((name) => [...readPage(`test/${name}`).matchAll(/^ *test\('([^']+)'/gm)]);
  const cases = [REQUEST_LINES, FIELDS, HOSTS, FRAMING, CHUNKS, SMUGGLING].flat();
  return new Set([...written.map(([, name]) => name!), ...cases.map(({ name }) => name)]);
}

/** Of each row: its rule, and what stands in its last cell. */
const ROWS = readPage('docs/http.md')
  .split('\n')
  .filter((line) => /^\| (?!rule |---)/.test(line))
  .map((line) => line.split(' | '))
  .map((cells) => ({ rule: cells[0]!.slice(2), cells: cells.length, tests: cells.at(-1)! }));

test('docs/http.md names a test for every rule, and tests that there are', () => {
  const names = testNames();
  assert.ok(ROWS.length > 50, `${ROWS.length} rows`);
  for (const { rule, cells, tests } of ROWS) {
    assert.equal(cells, 4, rule);
    const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    assert.ok(named.length > 0, rule);
    assert.deepEqual(
      named.filter((name) => !names.has(name)),
      [],
      rule,
    );
  }
});

test('names of wire cases are their own', () => {
  const names = [REQUEST_LINES, FIELDS, HOSTS, FRAMING, CHUNKS, SMUGGLING].flat().map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});
