import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionWatch } from '../../src/supervision/connection-watch.ts';

test('tells once why clients are refused, and what it came to when that is over', (context) => {
  const told: unknown[] = [];
  const counts = { refusedTotal: 0, refusedAddress: 0, closedForRoom: 0, acceptPauses: 0 };
  let nowMs = 0;
  const watch = new ConnectionWatch(
    () => ({ ...counts }),
    () => 'descriptors',
    (event) => told.push(event),
    () => nowMs,
  );
  context.after(() => watch.close());
  const after = (ms: number, more: Partial<typeof counts> = {}): void => {
    nowMs += ms;
    for (const [key, by] of Object.entries(more)) counts[key as keyof typeof counts] += by;
    watch.look();
  };
  after(1_000);
  assert.deepEqual(told, []);
  after(1_000, { closedForRoom: 3, refusedTotal: 1 });
  after(1_000, { refusedTotal: 10 });
  after(4_000);
  assert.deepEqual(told, [{ type: 'connections-limited', why: 'descriptors', refused: 1, closed: 3, pauses: 0 }]);
  after(1_000);
  assert.deepEqual(told[1], { type: 'connections-limited-over', refused: 11, closed: 3, pauses: 0, lastedMs: 1_000 });
  after(1_000, { refusedAddress: 2 });
  assert.deepEqual(told[2], { type: 'connections-limited', why: 'address', refused: 2, closed: 0, pauses: 0 });
  after(5_000);
  after(1_000, { acceptPauses: 4 });
  assert.deepEqual(told[4], { type: 'connections-limited', why: 'descriptors', refused: 0, closed: 0, pauses: 4 });
});
