import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { RuntimeDirectory, removeStaleDirectories, runtimeBases } from '../../src/supervision/runtime-directory.ts';

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evt-'));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('is private, in XDG_RUNTIME_DIR, and gone when removed', (context) => {
  const base = folder(context);
  const directory = new RuntimeDirectory({ XDG_RUNTIME_DIR: base });
  assert.equal(dirname(directory.path), base);
  assert.equal(statSync(directory.path).mode & 0o777, 0o700);
  assert.equal(directory.linkPath(1), join(directory.path, 'link-1.sock'));
  directory.remove();
  directory.remove();
  assert.deepEqual(readdirSync(base), []);
});

test('is in the folder of a login only where it can be nowhere else: that goes when the user logs out', () => {
  const ofLogin = `/run/user/${process.getuid!()}`;
  assert.deepEqual(runtimeBases({ XDG_RUNTIME_DIR: `${ofLogin}/` }), [tmpdir(), '/tmp', '/dev/shm', `${ofLogin}/`]);
  assert.deepEqual(runtimeBases({ XDG_RUNTIME_DIR: '/run/shop' }), ['/run/shop', tmpdir(), '/tmp', '/dev/shm']);
  assert.deepEqual(runtimeBases({}), [tmpdir(), '/tmp', '/dev/shm']);
});

test('goes elsewhere where the path would be too long for a socket, or cannot be written', (context) => {
  const base = join(folder(context), 'x'.repeat(90));
  mkdirSync(base);
  for (const unfit of [base, '/nowhere']) {
    const directory = new RuntimeDirectory({ XDG_RUNTIME_DIR: unfit });
    context.after(() => directory.remove());
    assert.notEqual(dirname(directory.path), unfit);
    assert.ok(Buffer.byteLength(directory.linkPath(63)) <= 103);
  }
});

test('a disk without room for a file is told of, and nothing is left there', (context) => {
  const base = folder(context);
  const script = `
    import { RuntimeDirectory } from ${JSON.stringify(new URL('../../src/supervision/runtime-directory.js', import.meta.url))};
    try { new RuntimeDirectory({}) } catch (error) { console.log(error.message) }`;
  // No file may be longer than nothing: that fails as on a full disk.
  const limited = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, '--input-type=module', '--eval', script];
  const { stdout } = spawnSync('/bin/sh', limited, { env: { ...process.env, TMPDIR: base }, encoding: 'utf8' });
  assert.match(
    stdout,
    /^no folder for its sockets can be made in .*\/tmp \(no room for a file\), .*; TMPDIR may name another place\n$/,
  );
  assert.deepEqual(readdirSync(base), []);
});

test('removes what dead supervisors left, and nothing else', async (context) => {
  const base = folder(context);
  const deadPid = spawnSync(process.execPath, ['--version']).pid;
  const make = (name: string, isOld: boolean): string => {
    const path = join(base, name);
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, 'link-0.sock'), '');
    if (isOld) utimesSync(path, 0, 0);
    return path;
  };
  const dead = make(`evener-${deadPid}-aaaaaa`, true);
  const young = make(`evener-${deadPid}-bbbbbb`, false);
  const alive = make(`evener-${process.pid}-cccccc`, true);
  const foreign = make('evener-something', true);
  const answering = join(base, `evener-${deadPid}-dddddd`);
  mkdirSync(answering);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(join(answering, 'link-0.sock'), resolve));
  context.after(() => server.close());
  utimesSync(answering, 0, 0);

  await removeStaleDirectories(base);
  assert.deepEqual([dead, young, alive, foreign, answering].map(existsSync), [false, true, true, true, true]);
  await removeStaleDirectories('/nowhere');
});

test('what cannot be removed stays, and ends nobody', async (context) => {
  const base = folder(context);
  const stale = join(base, `evener-${spawnSync('true').pid}-abcdef`);
  mkdirSync(stale);
  // Deeper than a path may be long, which Node 20 and 22 do not get to the ground of.
  const name = 'n'.repeat(200);
  const script = `for i in $(seq 25); do mkdir ${name} && cd ${name} || exit 0; done`;
  assert.equal(spawnSync('sh', ['-c', script], { cwd: stale }).status, 0);
  utimesSync(stale, 0, 0);
  try {
    await removeStaleDirectories(base);
  } finally {
    spawnSync('rm', ['-rf', stale]);
  }
});
