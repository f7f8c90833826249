import assert from 'node:assert/strict';
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
