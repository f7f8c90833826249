import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import { type LoggedExchange, refusedExchange } from '../../src/observability/access-line.ts';
import { AccessLog, type LogSink } from '../../src/observability/access-log.ts';
import { Counters, readThreads } from '../../src/observability/counters.ts';
import { LogFile } from '../../src/observability/log-file.ts';
import { sharedBlock, THREAD_CELLS } from '../../src/observability/shared-memory.ts';
import { until } from '../support/until.ts';

const ONE: LoggedExchange = refusedExchange({ peer: { remoteAddress: 'a' } }, Outcome.ClientBadRequest, 400, 0);
const SETTINGS = { format: 'json', hasQuery: false, requestIdHeader: null } as const;

/** Keeps what it is given, and is as far behind as it is told to be. */
class RecordingSink implements LogSink {
  pendingBytes = 0;
  readonly batches: string[] = [];

  write(lines: Buffer): void {
    this.batches.push(lines.toString());
  }
  flush(): void {}
  reopen(): void {}
  close(): void {}

  get lines(): string[] {
    return this.batches.join('').split('\n').slice(0, -1);
  }
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evener-log-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('writes by the batch, and not while requests are seen to', async () => {
  const sink = new RecordingSink();
  const log = new AccessLog(SETTINGS, sink, new Counters());
  for (let i = 0; i < 1000; i++) log.add('web', ONE, i);
  assert.equal(sink.batches.length, 0, 'nothing within the turn');
  await until('all of them', () => sink.lines.length === 1000);
  assert.equal(sink.batches.length, 1);
  log.add('web', ONE, 0);
  await until('one that is alone', () => sink.batches.length === 2);
  const ids = sink.lines.map((line) => (JSON.parse(line) as { id: string }).id);
  assert.equal(new Set(ids).size, 1001);
});

test('holds no more than a bound, and says what it has dropped', async () => {
  const sink = new RecordingSink();
  const block = sharedBlock(1, THREAD_CELLS);
  const log = new AccessLog(SETTINGS, sink, new Counters(block, 0));
  for (let i = 0; i < 20_000; i++) log.add('web', ONE, i);
  log.flush();
  assert.equal(sink.lines.length, 16_384 + 1);
  assert.deepEqual((JSON.parse(sink.lines.at(-1)!) as { dropped: number }).dropped, 20_000 - 16_384);
  assert.equal(readThreads(block).logDropped, 20_000 - 16_384);

  sink.pendingBytes = 100_000_000;
  const before = sink.lines.length;
  for (let i = 0; i < 10; i++) log.add('web', ONE, i);
  log.flush();
  assert.equal(sink.lines.length, before, 'the disk does not keep up');
  sink.pendingBytes = 0;
  await until('it to be told', () => sink.lines.length === before + 1);
  assert.equal((JSON.parse(sink.lines.at(-1)!) as { dropped: number }).dropped, 10);
  assert.equal(readThreads(block).logDropped, 20_000 - 16_384 + 10);
});

test('a file takes what two threads write, whole line by whole line', async (context) => {
  const path = join(folder(context), 'access.log');
  const files = [0, 1].map(() => new LogFile(path, (reason) => assert.equal(reason, null)));
  const line = (file: number): string => `${String(file).repeat(5000)}\n`;
  for (let i = 0; i < 200; i++) for (const [n, file] of files.entries()) file.write(Buffer.from(line(n)));
  await until('both to be done', () => files.every((file) => file.pendingBytes === 0));
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  assert.equal(lines.length, 400);
  assert.ok(lines.every((one) => /^(0{5000}|1{5000})$/.test(one)));
  for (const file of files) file.close();
});

test('a file that was renamed is left when it is opened anew', async (context) => {
  const path = join(folder(context), 'access.log');
  const file = new LogFile(path, () => {});
  file.write(Buffer.from('one\n'));
  await until('it to be written', () => file.pendingBytes === 0);
  renameSync(path, `${path}.1`);
  file.write(Buffer.from('two\n'));
  file.reopen();
  file.write(Buffer.from('three\n'));
  file.flush();
  await until('all to be written', () => file.pendingBytes === 0);
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(path, 'utf8'), 'three\n');
  file.close();
});

test('says once that a file cannot be written, and that it can again', (context) => {
  const base = folder(context);
  const told: (string | null)[] = [];
  const file = new LogFile(join(base, 'no', 'access.log'), (reason) => told.push(reason));
  file.write(Buffer.from('lost\n'));
  file.reopen();
  assert.equal(told.length, 1);
  assert.match(told[0]!, /no\/access\.log: ENOENT; its lines are lost$/);
  assert.equal(file.pendingBytes, 0, 'nothing piles up');
  file.close();
});

test('goes on where it was while a file cannot be opened in its place, and says so once', async (context) => {
  const base = folder(context);
  const [before, after] = ['before', 'after'].map((name) => join(base, name));
  mkdirSync(before!);
  const told: (string | null)[] = [];
  const file = new LogFile(join(before!, 'access.log'), (reason) => told.push(reason));
  assert.deepEqual(told.splice(0), [null]);
  renameSync(before!, after!);
  for (const line of ['one\n', 'two\n']) {
    file.reopen();
    file.write(Buffer.from(line));
    await until('it to be written', () => file.pendingBytes === 0);
  }
  assert.equal(readFileSync(join(after!, 'access.log'), 'utf8'), 'one\ntwo\n');
  assert.equal(told.length, 1);
  assert.match(told[0]!, /before\/access\.log: ENOENT; its lines go on to where it was$/);
  mkdirSync(before!);
  file.reopen();
  assert.deepEqual(told.slice(1), [null]);
  file.close();
});
