import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verb } from '../support/control.ts';
import { APPS, assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

interface Line {
  readonly id: string;
  readonly client: string;
  readonly app: string;
  readonly worker: string;
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly totalMs: number;
  readonly flag: string;
  readonly outcome: string;
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evener-log-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Up to the last end of a line: of one that is being written only a part may be seen, in a file as in a pipe. */
function whole(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

function linesIn(text: string): Line[] {
  const lines = whole(text)
    .split('\n')
    .filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Line);
}

/** null while it is not there, or being renamed. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function read(path: string): Line[] {
  return linesIn(textOf(path) ?? '');
}

test('writes a line for each request, also for those that went wrong', async (context) => {
  const file = join(folder(context), 'access.log');
  const evener = new EvenerProcess(context, ['server.cjs', '--access-log', file, '-w', '1', '--name', 'web']);
  const url = await evener.url();
  await request(`${url}/facts?password=secret`);
  await request(`${url}/exit`, 'POST');
  const bad = await RawClient.connect(context, url);
  bad.write('GET / HTTP/9.9\r\n\r\n');
  await bad.rest();
  const lines = await until('three lines', () => (read(file).length >= 3 ? read(file) : null));
  const [ok, dead, refused] = lines;
  assert.deepEqual([ok!.method, ok!.target, ok!.status, ok!.worker, ok!.flag], ['GET', '/facts', 200, '0', '-']);
  assert.match(ok!.client, /^(::ffff:)?127\.0\.0\.1$|^::1$/);
  assert.deepEqual([ok!.app, dead!.app], ['web', 'web']);
  assert.ok(ok!.bytesIn > 30 && ok!.bytesOut > 50 && ok!.totalMs >= 0);
  assert.deepEqual([dead!.method, dead!.status, dead!.outcome], ['POST', 502, 'EVENER_ENDPOINT_RESET']);
  assert.deepEqual([refused!.method, refused!.target, refused!.status], ['-', '-', 505]);
  assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length);
  assert.ok(!readFileSync(file, 'utf8').includes('secret'));
});

test('without a file it goes to stdout, whole line by whole line beside the output of workers', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '--access-log', '-w', '2', '--threads', '2']);
  const url = await evener.url(2);
  await Promise.all(Array.from({ length: 100 }, (_, i) => request(`${url}${i % 2 === 0 ? '/log' : '/'}`)));
  await until('all of them', () => linesIn(evener.stdout).length === 100);
  const others = (): string[] => evener.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  await until('the output of workers', () => others().length === 2 + 50);
  assert.deepEqual([...new Set(others())].sort(), ['booted', 'to stdout']);
});

test('loses no line at the end', async (context) => {
  const file = join(folder(context), 'access.log');
  const evener = new EvenerProcess(context, ['server.cjs', '--access-log', file, '-w', '1']);
  const url = await evener.url();
  for (let i = 0; i < 20; i++) await request(url);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.equal(read(file).length, 20);
});

test('begins a new file when the old one is large, when it was renamed, and at a reload', async (context) => {
  const base = folder(context);
  const config = {
    app: join(APPS, 'server.cjs'),
    workers: 1,
    accessLog: { file: 'access.log', maxSize: '64KiB', keep: 2 },
  };
  writeFileSync(join(base, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(context, [], { cwd: base });
  const url = await evener.url();
  const file = join(base, 'access.log');
  const rotated = (): string[] =>
    readdirSync(base)
      .filter((name) => name.startsWith('access.log.'))
      .sort();
  const oldest = (): string | null => textOf(`${file}.2`);
  const target = `${url}/${'x'.repeat(2000)}`;
  await until('two that are kept', async () => {
    await Promise.all(Array.from({ length: 40 }, () => request(target)));
    return rotated().length === 2;
  });
  await until('a third to replace them', async () => {
    const before = oldest();
    await Promise.all(Array.from({ length: 40 }, () => request(target)));
    const after = oldest();
    return before !== null && after !== null && after !== before;
  });
  await request(`${url}/before`);
  await until('the line', () =>
    [file, `${file}.1`].some((path) => read(path).some(({ target }) => target === '/before')),
  );
  // All is written by then, and renamed once more where it was too much.
  await until('two beside one that stays', () => {
    const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: Infinity };
    return size < 64 * 1024 && rotated().join() === 'access.log.1,access.log.2';
  });
  renameSync(file, join(base, 'moved'));
  await until('a new file', () => existsSync(file));
  await request(`${url}/after`);
  await until('the line there', () => read(file).some((line) => line.target === '/after'));
  assert.ok(!read(join(base, 'moved')).some((line) => line.target === '/after'));

  // As logrotate does it: a new file in its place, then a signal or a command.
  renameSync(file, join(base, 'again'));
  writeFileSync(file, '');
  assert.equal((await verb(evener, ['reload'], base)).code, 0);
  await request(`${url}/last`);
  await until('the line there', () => read(file).some((line) => line.target === '/last'));
});

test('a reload switches it on and off, and touches no worker for that', async (context) => {
  const base = folder(context);
  const path = join(base, 'evener.config.json');
  const write = (more: object): void =>
    writeFileSync(path, JSON.stringify({ app: join(APPS, 'server.cjs'), workers: 1, ...more }));
  write({});
  const evener = new EvenerProcess(context, [], { cwd: base });
  const url = await evener.url();
  const { pid } = JSON.parse((await request(`${url}/facts`)).body) as { pid: number };
  write({ accessLog: { file: 'on.log', format: 'combined', requestId: 'x-request-id' } });
  assert.equal((await verb(evener, ['reload'], base)).code, 0);
  const client = await RawClient.connect(context, url);
  client.write('GET /facts HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nUser-Agent: test\r\n\r\n');
  assert.equal((JSON.parse((await client.response()).body.toString()) as { pid: number }).pid, pid);
  const file = join(base, 'on.log');
  const line = await until('the line', () => whole(textOf(file) ?? '') || null);
  assert.match(line, /^\S+ - - \[.+\] "GET \/facts HTTP\/1\.1" 200 \d+ "-" "test" id=mine app=\S+ worker=0 /);
  write({});
  assert.equal((await verb(evener, ['reload'], base)).code, 0);
  await request(url);
  await until('the process to have turned', async () => (await request(`${url}/facts`)).status === 200);
  assert.equal(readFileSync(file, 'utf8'), line);
});

test('refuses to start when the log cannot be written', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--access-log', '/nowhere/access.log']);
  assertEnding(await evener.ended, 1);
  assert.match(evener.stderr, /the access log cannot be written: \/nowhere\/access\.log: ENOENT/);
});

test('writes to a pipe while somebody reads it, and waits for nobody to', async (context) => {
  const file = join(folder(context), 'pipe');
  execFileSync('mkfifo', [file]);
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--access-log', file]);
  const url = await evener.url();
  await evener.said(/the access log cannot be written: \S+: ENXIO; its lines are lost/);
  assert.equal((await request(`${url}/facts`)).status, 200);
  const reader = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => reader.kill('SIGKILL'));
  let text = '';
  reader.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await evener.said(/the access log is written again/);
  // More than a pipe holds at a time, of a reader that does not read for a moment.
  reader.kill('SIGSTOP');
  const targets = Array.from({ length: 60 }, (_, n) => `/facts/${n}/${'x'.repeat(2_000)}`);
  for (const target of targets) assert.equal((await request(url + target)).status, 200);
  reader.kill('SIGCONT');
  // That of the first request is written after all where it was not looked at before somebody read.
  const logged = (): unknown[] => linesIn(text).flatMap(({ target }) => (target === '/facts' ? [] : target));
  await until('all lines', () => text.endsWith('\n') && logged().length === targets.length);
  assert.deepEqual(logged(), targets);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});
