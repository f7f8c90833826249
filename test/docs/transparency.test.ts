import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Behaviour } from '../compat/support/behaviour.ts';
import { readPage, tableOf } from './pages.ts';

const FOLDER = new URL('../compat/behaviours/', import.meta.url);

/** By group. */
async function behaviours(): Promise<(readonly Behaviour[])[]> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.js'));
  const modules = await Promise.all(files.map((name) => import(new URL(name, FOLDER).href)));
  return modules.map(({ BEHAVIOURS }) => BEHAVIOURS as Behaviour[]);
}

test('docs/transparency.md has every known difference, and no other', async () => {
  const known = new Set(
    (await behaviours())
      .flat()
      .map(({ difference }) => difference)
      .filter((one) => one !== undefined),
  );
  const heads = ['what', 'on Node alone', 'behind Evener', 'why'];
  const rows = tableOf(readPage('docs/transparency.md'), heads).map(([what]) => what!);
  // Gone from Node 26 on.
  for (const what of [
    'what end() writes before it throws',
    'what is written before a destroy() of the same turn',
    'connections that have brought nothing',
  ]) {
    known.add(what);
  }
  assert.deepEqual([...rows].sort(), [...known].sort());
});

test('no two behaviours of a group have one name', async () => {
  for (const group of await behaviours()) {
    const names = group.map(({ name }) => name);
    assert.deepEqual(
      names.filter((name, i) => names.indexOf(name) !== i),
      [],
    );
  }
});
