import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isOwnCode, OwnPreload } from '../../src/supervision/own-preload.ts';
import { RuntimeDirectory } from '../../src/supervision/runtime-directory.ts';

test('workers are started with the preload as it was, whatever lies in its place now', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-preload-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'preload.cjs');
  const place = pathToFileURL(path);
  writeFileSync(path, 'as it was');
  const directory = new RuntimeDirectory({ XDG_RUNTIME_DIR: folder });
  let told = 0;
  const preload = new OwnPreload(place, directory, () => {
    told += 1;
  });

  assert.equal(preload.locate(), place);
  // Installed again, the same.
  rmSync(path);
  writeFileSync(path, 'as it was');
  utimesSync(path, 1, 1);
  assert.equal(preload.locate(), place);
  assert.equal(told, 0);

  for (const change of [() => writeFileSync(path, 'of another version'), () => rmSync(path)]) {
    change();
    const copy = preload.locate();
    assert.equal(readFileSync(copy, 'utf8'), 'as it was');
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    assert.ok(isOwnCode(copy.href) && !isOwnCode(place.href));
    // Another worker may be reading it.
    utimesSync(copy, 1, 1);
    assert.deepEqual(preload.locate(), copy);
    assert.equal(statSync(copy).mtimeMs, 1_000);
    // With the folder it goes, and comes again.
    rmSync(fileURLToPath(copy));
  }
  assert.equal(told, 1);

  writeFileSync(path, 'as it was');
  assert.equal(preload.locate(), place);
  rmSync(path);
  directory.remove();
  // Where there is no room for a copy the start fails, and says so.
  assert.equal(preload.locate(), place);
  assert.ok(!existsSync(directory.path));
});

test('a place that cannot be looked at any more is one where it is not', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-preload-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const release = join(folder, 'release');
  mkdirSync(release);
  writeFileSync(join(release, 'preload.cjs'), 'as it was');
  const directory = new RuntimeDirectory({ XDG_RUNTIME_DIR: folder });
  const preload = new OwnPreload(pathToFileURL(join(release, 'preload.cjs')), directory, () => {});
  rmSync(release, { recursive: true });
  // ENOTDIR, of which no option of fs.statSync keeps it from throwing.
  writeFileSync(release, '');
  assert.equal(readFileSync(preload.locate(), 'utf8'), 'as it was');
});
