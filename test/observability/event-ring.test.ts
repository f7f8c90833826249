import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventRing } from '../../src/observability/event-ring.ts';
import { LogBook } from '../../src/observability/log-book.ts';

test('keeps the last events, under numbers that grow', () => {
  const ring = new EventRing<string>(3);
  const seen: string[] = [];
  const off = ring.subscribe(({ event }) => seen.push(event));
  const ids = ['a', 'b', 'c', 'd'].map((event) => ring.push(event).id);
  off();
  ring.push('e');
  assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
  assert.ok(ids.every((id, i) => i === 0 || id > ids[i - 1]!));
  const told = (id: number): string[] => ring.since(id).map(({ event }) => event);
  assert.deepEqual(told(0), ['c', 'd', 'e']);
  assert.deepEqual(told(ids[2]!), ['d', 'e']);
  assert.deepEqual(told(Number.MAX_SAFE_INTEGER), []);
});

test('numbers of a new instance are greater than those of the one before', () => {
  const first = new EventRing<string>(3).push('a').id;
  const later = Date.now() + 1;
  while (Date.now() <= later);
  assert.ok(new EventRing<string>(3).push('b').id > first);
});

test('keeps the last output of each worker, in bounds', () => {
  const book = new LogBook();
  const source = { app: 'web', slot: 0, pid: 1, stream: 'stdout' as const };
  book.write(source, Buffer.from('one\ntwo\n'));
  book.write({ ...source, slot: 1, stream: 'stderr' }, Buffer.from('other\n'));
  const texts = (slot: number | null): string[] =>
    book.lines(slot === null ? null : { app: 'web', slot }).map(({ text }) => text);
  assert.deepEqual(texts(0), ['one', 'two']);
  assert.deepEqual(texts(null).sort(), ['one', 'other', 'two']);
  assert.deepEqual(texts(5), []);
  const seen: string[] = [];
  const off = book.follow({ app: 'web', slot: 0 }, ({ text }) => seen.push(text));
  book.write({ ...source, slot: 1 }, Buffer.from('not this\n'));
  book.write(source, Buffer.from('three\n'));
  off();
  book.write(source, Buffer.from('four\n'));
  assert.deepEqual(seen, ['three']);
  for (let i = 0; i < 100; i++) book.write(source, Buffer.from(`${'x'.repeat(8000)}\n`));
  assert.ok(texts(0).length <= 33, `${texts(0).length} lines of 8 kB are kept`);
});

test('the newest lines are the last ones, also once the clock was set back', (t) => {
  const book = new LogBook();
  const source = { app: 'web', slot: 0, pid: 1, stream: 'stdout' as const };
  const clock = t.mock.method(Date, 'now', () => 2_000_000);
  book.write(source, Buffer.from('one\n'));
  book.write({ ...source, slot: 1 }, Buffer.from('two\n'));
  clock.mock.mockImplementation(() => 1_000_000);
  book.write(source, Buffer.from('three\n'));
  const lines = book.lines(null);
  assert.deepEqual(
    lines.map(({ text }) => text),
    ['one', 'two', 'three'],
  );
  assert.equal(lines[2]!.time, '1970-01-01T00:16:40.000Z');
});
