import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

test('output to a file goes on when there is room again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evt-full-'));
  const log = join(folder, 'out.log');
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
  const full = statSync(log).size + 4;
  limitFile(full);
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
  execFileSync('prlimit', ['--pid', String(evener.pid), '--fsize=unlimited:unlimited']);
  await request(`${url}/facts`);
  await until('the next line', () => readFileSync(log, 'utf8').endsWith('}\n'));
  const [cut, next] = readFileSync(log, 'utf8').split('\n');
  assert.equal(cut!.length, 10);
  assert.equal((JSON.parse(next!) as { target: string }).target, '/facts');
});
