import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShedWatch } from '../../src/supervision/shed-watch.ts';

test('tells when shedding begins, what has come together meanwhile, and when it is over', (context) => {
  let [now, shed] = [0, 0];
  const told: string[] = [];
  const watch = new ShedWatch(
    () => new Map([['shop', shed]]),
    (event) => told.push(JSON.stringify(event)),
    () => now,
  );
  context.after(() => watch.close());
  const second = (requests: number): void => {
    now += 1_000;
    shed += requests;
    watch.look();
  };
  second(0);
  assert.deepEqual(told, []);
  second(5);
  for (let n = 0; n < 11; n++) second(10);
  // Nothing for a moment is not the end.
  second(0);
  second(1);
  for (let n = 0; n < 6; n++) second(0);
  assert.deepEqual(told, [
    '{"type":"shedding","app":"shop","fresh":5,"requests":5,"lastsMs":0}',
    '{"type":"shedding","app":"shop","fresh":100,"requests":105,"lastsMs":10000}',
    '{"type":"shedding","app":"shop","fresh":11,"requests":116,"lastsMs":13000}',
    '{"type":"shedding-over","app":"shop","requests":116,"lastedMs":13000}',
  ]);
  // A thread that began anew counts from 0.
  shed = 0;
  second(0);
  assert.equal(told.length, 4);
  second(3);
  assert.equal(told.length, 5);
});
