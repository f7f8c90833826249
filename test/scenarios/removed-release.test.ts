import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { request } from '../support/evener-process.ts';
import { MAIN } from '../support/package-scripts.ts';
import { until } from '../support/until.ts';

/** Root of the package, as it is installed. */
const PACKAGE = join(dirname(MAIN), '../..');

test('reloads and restarts go on when the release that Evener was installed in is removed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-release-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const release = (name: string): void => {
    mkdirSync(join(folder, name, 'node_modules'), { recursive: true });
    writeFileSync(
      join(folder, name, 'server.cjs'),
      `require('node:http').createServer((request, response) => {
        if (request.url.startsWith('/hang')) for (;;);
        response.end('${name} ' + process.pid);
      }).listen(0);`,
    );
  };
  release('1');
  const own = join(folder, '1/node_modules/evener');
  cpSync(join(PACKAGE, 'dist'), join(own, 'dist'), { recursive: true });
  cpSync(join(PACKAGE, 'package.json'), join(own, 'package.json'));
  // What the package needs is installed beside it.
  symlinkSync(join(PACKAGE, 'node_modules'), join(own, 'node_modules'));
  symlinkSync('1', join(folder, 'current'));

  const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: folder, PWD: join(folder, 'current') };
  for (const name of ['XDG_RUNTIME_DIR', 'WEB_CONCURRENCY', 'PORT', 'NODE_TEST_CONTEXT']) delete env[name];
  const main = join(own, 'dist/cli/main.js');
  const args = [main, 'server.cjs', '-w', '2', '--hang-limit', '1s'];
  const evener = spawn(process.execPath, args, { cwd: join(folder, 'current'), env });
  t.after(() => evener.kill('SIGKILL'));
  let text = '';
  for (const stream of [evener.stdout, evener.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    until(
      () => `${pattern} in:\n${text}`,
      () => pattern.exec(text),
    );
  const [, url] = await said(/listening on (http:\S+)/);
  await said(/worker \d ready.*worker \d ready/s);
  assert.match((await request(url!)).body, /^1 \d+$/);

  const hang = async (): Promise<string> => {
    const { length } = text;
    await request(`${url}/hang?${length}`);
    const [report] = await until(
      () => `a report in:\n${text.slice(length)}`,
      () => / hangs: .*?in flight for/s.exec(text.slice(length)),
    );
    return report;
  };
  // What makes reports is loaded with the first, or some time after the start.
  assert.match(await hang(), /server\.cjs/);

  release('2');
  symlinkSync('2', join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'current'));
  rmSync(join(folder, '1'), { recursive: true });
  evener.kill('SIGHUP');
  await said(/its own files were removed or replaced/);
  await said(/reload done/);
  const [, pid] = /^2 (\d+)$/.exec((await request(url!)).body)!;
  process.kill(Number(pid), 'SIGKILL');
  await said(new RegExp(`\\(pid ${pid}\\) died.*worker \\d ready`, 's'));
  assert.match((await request(url!)).body, /^2 \d+$/);
  // A report names the app's code, and none of ours.
  const report = await hang();
  assert.match(report, /server\.cjs/);
  assert.doesNotMatch(report, /preload/);
  evener.kill('SIGTERM');
  assert.deepEqual(await once(evener, 'exit'), [0, null]);
});
