import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { OutputSink, WorkerOutput } from '../../src/supervision/output.ts';
import { until } from '../support/until.ts';

/** Collects what is written; takes no more after a write until it is opened again. */
class Screen extends Writable {
  readonly isTTY: boolean;
  text = '';
  writes: string[] = [];
  blocked: (() => void) | null = null;
  isOpen = true;

  constructor(isTTY: boolean = false) {
    super({ highWaterMark: 1024 });
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk;
    this.writes.push(String(chunk));
    if (this.isOpen) done();
    else this.blocked = done;
  }
}

function output(
  screen: Screen,
  label: string,
  noColor = true,
): { out: PassThrough; err: PassThrough; output: WorkerOutput } {
  const sink = new OutputSink(screen, noColor);
  const out = new PassThrough();
  const err = new PassThrough();
  return { out, err, output: new WorkerOutput(label, out, sink, err, sink) };
}

test('passes whole lines on, byte for byte', async () => {
  const screen = new Screen();
  const { out, err, output: worker } = output(screen, '0');
  worker.release();
  const text = 'first\nsecond \u00e9\u{1F600}\r\n\n\x00binary\nlast without end';
  for (const byte of Buffer.from(text)) out.write(Buffer.of(byte));
  out.end();
  err.end();
  await worker.ended;
  assert.equal(screen.text, text);
  assert.deepEqual(screen.writes.slice(0, 2), ['first\n', 'second \u00e9\u{1F600}\r\n']);
});

test('never mixes the lines of two workers', async () => {
  const screen = new Screen();
  const sink = new OutputSink(screen, true);
  const sources = [0, 1].map((index) => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const worker = new WorkerOutput(String(index), out, sink, err, sink);
    worker.release();
    return { out, err, worker };
  });
  for (let i = 0; i < 50; i++) {
    for (const [index, { out }] of sources.entries())
      out.write(`${String(index).repeat(10)}${i % 3 === 0 ? '\n' : ''}`);
    await new Promise(setImmediate);
  }
  for (const { out, err } of sources) {
    out.end('\n');
    err.end();
  }
  await Promise.all(sources.map(({ worker }) => worker.ended));
  for (const line of screen.text.split('\n')) assert.match(line, /^(0*|1*)$/);
});

test('begins each line with the worker on a terminal', async () => {
  for (const [noColor, mark] of [
    [true, '3 | '],
    [false, '\x1b[2m3 |\x1b[22m '],
  ] as const) {
    const screen = new Screen(true);
    const { out, err, output: worker } = output(screen, '3', noColor);
    worker.release();
    out.end('a\nb\nc');
    err.end();
    await worker.ended;
    assert.equal(screen.text, `${mark}a\n${mark}b\n${mark}c\n`);
  }
});

test('passes a line without end on in parts', async () => {
  const screen = new Screen();
  const { out, output: worker } = output(screen, '0');
  worker.release();
  for (let i = 0; i < 65; i++) out.write(Buffer.alloc(1024, 'x'));
  await until('the first part', () => screen.text.length >= 64 * 1024);
  out.destroy();
});

test('holds back what a worker writes until it is released', async () => {
  const screen = new Screen();
  const { out, err, output: worker } = output(screen, '0');
  out.end('one\n');
  err.end('two\n');
  await worker.ended;
  assert.equal(screen.text, '');
  assert.equal(worker.heldText, 'one\ntwo\n');
  worker.release();
  assert.equal(screen.text, 'one\ntwo\n');
});

test('drops what a worker wrote, and what it writes after', async () => {
  const screen = new Screen();
  const { out, err, output: worker } = output(screen, '0');
  out.write('one\n');
  await until('the line', () => worker.heldText === 'one\n');
  worker.drop();
  out.end('two\n');
  err.end();
  await worker.ended;
  worker.release();
  assert.equal(screen.text, '');
  assert.deepEqual(worker.tail, ['one', 'two']);
});

test('keeps the last 50 lines', async () => {
  const { out, err, output: worker } = output(new Screen(), '0');
  out.end(Array.from({ length: 80 }, (_, index) => `line ${index}\n`).join(''));
  err.end();
  await worker.ended;
  assert.equal(worker.tail.length, 50);
  assert.equal(worker.tail.at(-1), 'line 79');
});

test('pauses the worker while our own output is blocked', async () => {
  const screen = new Screen();
  screen.isOpen = false;
  const { out, err, output: worker } = output(screen, '0');
  worker.release();
  const line = `${'x'.repeat(1023)}\n`;
  let written = 0;
  while (out.write(line) && written < 10_000) {
    written++;
    await new Promise(setImmediate);
  }
  // What streams keep by themselves: 16 KiB each in Node 20, 64 KiB later.
  assert.ok(written < 500, `${written} KiB taken while blocked`);
  screen.isOpen = true;
  screen.blocked?.();
  out.end();
  err.end();
  await worker.ended;
  assert.equal(screen.text, line.repeat(written + 1));
});

test('goes on when whoever read our output has gone', async () => {
  const screen = new Screen();
  const { out, err, output: worker } = output(screen, '0');
  worker.release();
  screen.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await until('the end', () => screen.destroyed);
  for (let i = 0; i < 100; i++) out.write(`${'x'.repeat(1023)}\n`);
  out.end();
  err.end();
  await worker.ended;
});
