import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, readPage } from './pages.ts';

const PAGES = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'examples/README.md', 'bench/README.md'],
  ...readdirSync(`${REPOSITORY}docs`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** Written by the bench. */
const MADE_LATER = ['docs/bench.md', 'docs/bench.svg'];

for (const page of PAGES) {
  test(`${page} leads and points only to what is there`, () => {
    const text = readPage(page);
    const links = [...text.matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => link!);
    const local = links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => join(dirname(page), link));
    const named = [...text.matchAll(/`((?:src|test|bench|examples|docs)\/[\w./-]+)`/g)].map(([, path]) => path!);
    const missing = [...local, ...named].filter((path) => !exists(path) && !MADE_LATER.includes(path));
    assert.deepEqual(missing, []);
  });
}

/** A source may be named without its ending. */
function exists(path: string): boolean {
  return existsSync(REPOSITORY + path) || existsSync(`${REPOSITORY + path}.ts`);
}
