import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { verb } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { MAIN } from '../support/package-scripts.ts';
import { until } from '../support/until.ts';

test('output to a file goes on when there is room again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-full-'));
  const log = join(folder, 'out.log');
  writeFileSync(log, '');
  const launcher = ['/bin/sh', '-c', 'exec "$@" >>"$LOG" 2>&1', 'sh'];
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1', '-p', '0'], { launcher, env: { LOG: log } });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const logged = (pattern: RegExp): Promise<RegExpExecArray> =>
    until(
      () => `${pattern} in:\n${readFileSync(log)}`,
      () => pattern.exec(readFileSync(log, 'utf8')),
    );
  await logged(/worker 0 ready/);
  const [, url] = await logged(/listening on (http:\/\/\S+)/);
  const limitFile = (bytes: number | 'unlimited'): void => {
    execFileSync('prlimit', ['--pid', String(evener.pid), `--fsize=${bytes}:unlimited`]);
  };

  // Room for the beginning of a line: to a process a file that has reached its limit is as a disk that is full.
  let full: number;
  do {
    full = statSync(log).size + 4;
    limitFile(full);
    // Once more where a line of the start came in between.
  } while (statSync(log).size > full);
  await request(`${url}/log`);
  await until('the file to be full', () => statSync(log).size === full);
  const { pid } = JSON.parse((await request(`${url}/facts`)).body) as { pid: number };
  evener.kill('SIGHUP');
  await until('the reload', async () => JSON.parse((await request(`${url}/facts`)).body).pid !== pid);
  assert.equal(statSync(log).size, full);

  limitFile('unlimited');
  await request(`${url}/log`);
  await logged(/^to stdout$/m);
  await logged(/^to stderr$/m);
  evener.kill('SIGTERM');
  await logged(/^evener: stopped$/m);
});

test('a line of the access log that a full disk has cut is ended before the next', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-full-'));
  const log = join(folder, 'access.log');
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1', `--access-log=${log}`]);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const url = await evener.url();
  execFileSync('prlimit', ['--pid', String(evener.pid), '--fsize=10:unlimited']);
  await request(`${url}/lost`);
  await evener.said(/the access log cannot be written/);
  // The file is opened anew, and is the same.
  assert.equal((await verb(evener, ['reload'])).code, 0);
  execFileSync('prlimit', ['--pid', String(evener.pid), '--fsize=unlimited:unlimited']);
  await request(`${url}/facts`);
  await until('the next line', () => readFileSync(log, 'utf8').endsWith('}\n'));
  const [cut, next] = readFileSync(log, 'utf8').split('\n');
  assert.equal(cut!.length, 10);
  assert.equal((JSON.parse(next!) as { target: string }).target, '/facts');
});

test('a command whose answer cannot be written says so and fails; one whose reader has had enough does not', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1', '--name', 'full']);
  await evener.url();
  const env = { ...process.env, TMPDIR: evener.temporary, XDG_RUNTIME_DIR: undefined };
  const shell = (script: string): ReturnType<typeof spawnSync> =>
    spawnSync('/bin/sh', ['-c', script, process.execPath, MAIN], { env, encoding: 'utf8' });
  for (const words of ['status --json --name full', '--help', 'check server.cjs']) {
    const { status, stderr } = shell(`cd ${APPS}; "$0" "$1" ${words} >/dev/full`);
    assert.equal(status, 1, words);
    assert.match(String(stderr), /^evener: what was asked for cannot be written: ENOSPC: .+\n$/);
  }
  const { stdout, stderr } = shell('{ "$0" "$1" --help; echo "ended with $?" >&2; } | true');
  assert.deepEqual([stdout, stderr], ['', 'ended with 0\n']);
});
