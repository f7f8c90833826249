import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { markOf, NO_MARK, SessionTable } from '../../src/balancing/session-table.ts';

/** One table as so many threads see it; the clock is theirs, too. */
function tables(threads: number): { clock: { seconds: number }; seen: SessionTable[] } {
  const memory = SessionTable.memoryFor(threads);
  const clock = { seconds: 1000 };
  const now = (): number => clock.seconds;
  return { clock, seen: Array.from({ length: threads }, (_, thread) => new SessionTable(memory, thread, now)) };
}

test('what one thread learns the others know', () => {
  const { seen } = tables(3);
  const mark = markOf('worker 3', 17);
  assert.deepEqual(
    seen.map((table) => table.find('abc')),
    [NO_MARK, NO_MARK, NO_MARK],
  );
  seen[1]!.remember('abc', mark, 45_000);
  assert.deepEqual(
    seen.map((table) => table.find('abc')),
    [mark, mark, mark],
  );
  assert.equal(seen[0]!.find('abd'), NO_MARK);
});

test('another life of an endpoint has another mark, and no two have the same', () => {
  const marks = new Set<number>();
  for (let slot = 0; slot < 100; slot++)
    for (let life = 0; life < 100; life++) marks.add(markOf(`worker ${slot}`, life));
  assert.equal(marks.size, 10_000);
  for (const mark of marks) assert.ok(Number.isSafeInteger(mark) && mark >= 0);
});

test('a session ends some time after it was last asked for, wherever that was', () => {
  const { clock, seen } = tables(2);
  const [first, second] = seen as [SessionTable, SessionTable];
  first.remember('abc', 5, 45_000);
  for (let i = 0; i < 5; i++) {
    clock.seconds += 44;
    assert.equal(second.find('abc'), 5);
  }
  assert.equal(first.find('abc'), 5);
  clock.seconds += 60;
  assert.deepEqual([first.find('abc'), second.find('abc')], [NO_MARK, NO_MARK]);
});

test('it is bounded: of many sessions it keeps the later ones', () => {
  const { clock, seen } = tables(1);
  const [table] = seen as [SessionTable];
  const count = 200_000;
  for (let i = 0; i < count; i++) {
    if (i % 1000 === 0) clock.seconds++;
    table.remember(`session ${i}`, i, 1_000_000);
  }
  const isKnown = (i: number): boolean => table.find(`session ${i}`) === i;
  const last = Array.from({ length: 10_000 }, (_, i) => count - 1 - i);
  assert.ok(last.filter(isKnown).length > 9_900);
  assert.ok(Array.from({ length: 10_000 }, (_, i) => i).filter(isKnown).length < 100);
});

test('a mark that is read while another thread writes is whole', { timeout: 60_000 }, async () => {
  const memory = SessionTable.memoryFor(2);
  const table = new SessionTable(memory, 0);
  const script = `
    import { workerData } from 'node:worker_threads';
    const { SessionTable, markOf } = await import(workerData.module);
    const table = new SessionTable(workerData.memory, 1);
    for (let i = 0; i < 300_000; i++) table.remember('s' + (i % 7), markOf('worker', i % 1000), 60_000);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    workerData: { memory, module: new URL('../../src/balancing/session-table.js', import.meta.url).href },
  });
  let hasEnded = false;
  const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
  void ended.finally(() => {
    hasEnded = true;
  });
  const valid = new Set([NO_MARK, ...Array.from({ length: 1000 }, (_, i) => markOf('worker', i))]);
  let seen = 0;
  while (!hasEnded) {
    const mark = table.find(`s${seen % 7}`);
    assert.ok(valid.has(mark), String(mark));
    if (++seen % 1000 === 0) await new Promise(setImmediate);
  }
  await ended;
  assert.notEqual(table.find('s1'), NO_MARK);
});
