import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

function app(answer: string): string {
  return `require('node:http').createServer((_request, response) => response.end('${answer}')).listen(0);`;
}

test('reloads when a file of the app has changed, and not for what the app writes', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evw-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules'));
  writeFileSync(join(folder, 'server.cjs'), app('one'));
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--watch'], { cwd: folder });
  const url = await evener.url(1);
  assert.equal((await request(url)).body, 'one');

  // The watcher needs a moment of its own before it sees changes: write until it has.
  await until('the change to be seen', () => {
    writeFileSync(join(folder, 'node_modules', 'x.js'), String(Math.random()));
    writeFileSync(join(folder, 'app.log'), String(Math.random()));
    writeFileSync(join(folder, 'server.cjs'), `${app('two')}// ${Math.random()}`);
    return evener.stderr.includes('has changed');
  });
  await evener.said(/server\.cjs has changed\n.+reload: replacing 1 worker\n/);
  await evener.said(/reload done/);
  await until('the new version', async () => (await request(url)).body === 'two');
  assert.doesNotMatch(evener.stderr, /(x\.js|app\.log) has changed/);
});

/** May watch no more than three files or folders: a limit of its own user namespace. */
const FEW_WATCHES = [
  ...['unshare', '--user', '--map-root-user', '/bin/sh', '-c'],
  ...['echo 3 >/proc/sys/user/max_inotify_watches && exec "$@"', 'sh'],
];
const hasNamespaces = spawnSync(FEW_WATCHES[0]!, [...FEW_WATCHES.slice(1), 'true']).status === 0;

test('says that not all files can be watched, once, and reloads for those that can', {
  skip: !hasNamespaces,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evw-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['a', 'b', 'c', 'd']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'server.cjs'), app('one'));
  const settings = { cwd: folder, launcher: FEW_WATCHES };
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--watch'], settings);
  await evener.url(1);
  await evener.said(
    /not all files of the app can be watched, .+: ENOSPC: .+; fs\.inotify\.max_user_watches \(sysctl\)/,
  );
  await until('a change to be seen', () => {
    writeFileSync(join(folder, 'server.cjs'), `${app('two')}// ${Math.random()}`);
    return evener.stderr.includes('server.cjs has changed');
  });
  assert.equal(evener.count(/not all files/), 1);
});

test('watches an app that a reload has brought, and no longer one that it has taken out', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evw-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['goes', 'comes']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, `${name}.cjs`), app(name));
  }
  const configure = (name: string): void => {
    const apps = { [name]: { app: `${name}.cjs`, cwd: name, workers: 1 } };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ watch: true, apps }));
  };
  configure('goes');
  const evener = new EvenerProcess(context, [], { cwd: folder });
  await evener.url(1);
  configure('comes');
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  await until('the change to be seen', () => {
    for (const name of ['goes', 'comes']) {
      writeFileSync(join(folder, name, `${name}.cjs`), `${app(name)}// ${Math.random()}`);
    }
    return evener.stderr.includes('has changed');
  });
  assert.match(evener.stderr, /comes\.cjs has changed/);
  assert.doesNotMatch(evener.stderr, /goes\.cjs has changed/);
});
