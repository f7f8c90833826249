import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DirectoryWatch } from '../../src/supervision/directory-watch.ts';
import { RuntimeDirectory } from '../../src/supervision/runtime-directory.ts';

const HOUR_MS = 3_600_000;

interface Watched {
  readonly directory: RuntimeDirectory;
  readonly base: string;
  readonly watch: DirectoryWatch;
  readonly told: string[];
  /** Of the balancer threads that run. */
  readonly links: string[];
}

/** A directory whose files are put there again whenever the watch asks for it. */
function watched(context: TestContext): Watched {
  const base = mkdtempSync(join(tmpdir(), 'evt-watch-'));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const directory = new RuntimeDirectory({ XDG_RUNTIME_DIR: base });
  const links = [directory.linkPath(0)];
  const put = (...names: string[]): void => {
    for (const name of names) writeFileSync(join(directory.path, name), '');
  };
  const told: string[] = [];
  const watch = new DirectoryWatch(directory, () => links, {
    reopenLinks: () => put('link-0.sock'),
    reopenControl: () => put('control.sock', 'instance.json'),
    emit: ({ type }) => told.push(type),
  });
  put('link-0.sock', 'control.sock', 'instance.json');
  return { directory, base, watch, told, links };
}

test('what is in it is made to look young once an hour', (context) => {
  const { directory, watch } = watched(context);
  const paths = [directory.path, ...readdirSync(directory.path).map((name) => join(directory.path, name))];
  assert.equal(paths.length, 4);
  for (const path of paths) utimesSync(path, 0, 0);
  watch.look(HOUR_MS - 1);
  assert.ok(paths.every((path) => statSync(path).mtimeMs === 0));
  watch.look(HOUR_MS);
  for (const path of paths) assert.ok(Date.now() - statSync(path).mtimeMs < HOUR_MS, path);
});

test('whatever of it is missing is put there again, and told', (context) => {
  const { directory, watch, told } = watched(context);
  for (const name of ['link-0.sock', 'control.sock', 'instance.json', '']) {
    rmSync(join(directory.path, name), { recursive: true });
    // A balancer thread that has been restarted has none for a moment.
    watch.look(0);
    assert.deepEqual(told, []);
    watch.look(0);
    assert.deepEqual(told.splice(0), ['runtime-directory-restored'], name);
    assert.ok(directory.isWhole([directory.linkPath(0)]));
    watch.look(0);
    watch.look(0);
    assert.deepEqual(told, []);
  }
  assert.equal(statSync(directory.path).mode & 0o777, 0o700);
});

test('that it cannot be made again is told once, and made it is as soon as it can be', (context) => {
  const { directory, base, watch, told } = watched(context);
  rmSync(base, { recursive: true });
  writeFileSync(base, 'no folder');
  for (let i = 0; i < 5; i++) watch.look(0);
  assert.deepEqual(told.splice(0), ['runtime-directory-lost']);
  rmSync(base);
  watch.look(0);
  assert.deepEqual(told, ['runtime-directory-restored']);
  assert.ok(directory.isWhole([]));
});

test('a balancer thread that waits for its restart has no socket, of which nothing is told', (context) => {
  const { directory, watch, told, links } = watched(context);
  rmSync(links.pop()!);
  for (let i = 0; i < 5; i++) watch.look(0);
  assert.deepEqual(told, []);
  assert.ok(directory.isWhole([]));
});
