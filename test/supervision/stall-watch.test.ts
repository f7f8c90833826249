import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StallWatch } from '../../src/supervision/stall-watch.ts';

interface Rig {
  readonly watch: StallWatch;
  readonly hung: number[];
  pass(ms: number): void;
}

function rig(context: TestContext, limitMs: number): Rig {
  let now = 0;
  const hung: number[] = [];
  const watch = new StallWatch(
    limitMs,
    (worker) => hung.push(worker),
    () => now,
  );
  context.after(() => watch.close());
  return {
    watch,
    hung,
    pass(ms) {
      now += ms;
      watch.tick();
    },
  };
}

test('calls out a worker that stays silent beyond the limit, once', (context) => {
  const { watch, hung, pass } = rig(context, 2000);
  watch.stalled(7, 500);
  for (let i = 0; i < 5; i++) pass(250);
  assert.deepEqual(hung, []);
  pass(250);
  assert.deepEqual(hung, [7]);
  pass(250);
  assert.deepEqual(hung, [7]);
});

test('forgets a worker that answers again', (context) => {
  const { watch, hung, pass } = rig(context, 1000);
  watch.stalled(1, 500);
  pass(250);
  watch.recovered(1);
  watch.stalled(1, 500);
  pass(250);
  assert.deepEqual(hung, []);
});

test('calls out nobody whose event loop turns', (context) => {
  const { watch, hung, pass } = rig(context, 1000);
  watch.turning(1);
  watch.stalled(1, 500);
  for (let look = 0; look < 10; look++) {
    pass(250);
    watch.turning(1);
  }
  assert.deepEqual(hung, []);
  for (let look = 0; look < 4; look++) pass(250);
  assert.equal(hung.length, 1);
});

test('does not count time in which it was not run itself', (context) => {
  const { watch, hung, pass } = rig(context, 2000);
  watch.stalled(1, 500);
  pass(60_000);
  assert.deepEqual(hung, []);
  for (let i = 0; i < 5; i++) pass(250);
  assert.deepEqual(hung, [1]);
});

test('never calls out anybody when switched off', (context) => {
  const { watch, hung, pass } = rig(context, 0);
  watch.stalled(1, 500);
  for (let i = 0; i < 100; i++) pass(250);
  assert.deepEqual(hung, []);
});

test('calls out who is silent already when it is switched on, and nobody once it is switched off', (context) => {
  const { watch, hung, pass } = rig(context, 0);
  watch.stalled(1, 500);
  for (let i = 0; i < 10; i++) pass(250);
  watch.setLimit(2000);
  watch.stalled(2, 500);
  pass(250);
  assert.deepEqual(hung, [1]);
  watch.setLimit(0);
  for (let i = 0; i < 10; i++) pass(250);
  assert.deepEqual(hung, [1]);
});
