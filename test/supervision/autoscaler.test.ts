import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AppLoad, Autoscaler } from '../../src/supervision/autoscaler.ts';

const GIB = 1024 ** 3;

interface Rig {
  /** What was done, and why. */
  readonly done: string[];
  /** Lets so many looks go by, at this load of each worker. */
  looks(times: number, utilization: number, more?: Partial<AppLoad>): void;
  workers: number;
}

function rig(context: TestContext, workers: number, min: number, max: number): Rig {
  let nowMs = 1_000_000;
  let load: AppLoad | null = null;
  const done: string[] = [];
  const scaler = new Autoscaler(
    {
      loads: () => [load!],
      scale: (app, wanted, why) => {
        done.push(`${app} ${wanted}: ${why}`);
        self.workers = wanted;
      },
    },
    () => nowMs,
  );
  context.after(() => scaler.close());
  const self: Rig = {
    done,
    workers,
    looks(times, utilization, more = {}) {
      for (let i = 0; i < times; i++) {
        nowMs += 2_000;
        const utilizations = Array.from({ length: self.workers }, () => utilization);
        const memory = { largestBytes: GIB / 4, availableBytes: 8 * GIB };
        load = { app: 'web', min, max, workers: self.workers, utilizations, queued: 0, ...memory, ...more };
        scaler.look();
      }
    },
  };
  return self;
}

test('adds one while loops stay busy, not for a burst, and not beyond the most', (context) => {
  const it = rig(context, 2, 2, 4);
  it.looks(2, 0.95);
  it.looks(1, 0.3);
  it.looks(2, 0.95);
  assert.deepEqual(it.done, []);
  it.looks(1, 0.95);
  assert.deepEqual(it.done, ['web 3: event loops are 95 % busy']);
  it.looks(4, 0.95);
  assert.equal(it.done.length, 1, 'the new one has not had the time to take its share');
  it.looks(1, 0.95);
  assert.equal(it.workers, 4);
  it.looks(50, 0.95);
  assert.equal(it.workers, 4);
});

test('adds one while requests wait', (context) => {
  const it = rig(context, 1, 1, 2);
  it.looks(3, 0.2, { queued: 7 });
  assert.deepEqual(it.done, ['web 2: 7 requests wait for a worker']);
});

test('takes one away when the rest would do for a minute, down to the least', (context) => {
  const it = rig(context, 4, 2, 4);
  it.looks(25, 0.3);
  it.looks(1, 0.6);
  it.looks(30, 0.3);
  assert.deepEqual(it.done, [], 'it was needed in between');
  it.looks(1, 0.3);
  assert.deepEqual(it.done, ['web 3: event loops were idle for 60 s']);
  it.looks(31, 0.3);
  assert.deepEqual(it.workers, 2);
  it.looks(100, 0);
  assert.equal(it.workers, 2);
  const needed = rig(context, 4, 2, 4);
  needed.looks(100, 0.4);
  assert.deepEqual(needed.done, [], 'three would be busier than half of the time');
});

test('adds none for which there is no memory', (context) => {
  const it = rig(context, 2, 2, 4);
  it.looks(20, 0.99, { availableBytes: GIB / 4 });
  assert.deepEqual(it.done, []);
  it.looks(1, 0.99);
  assert.equal(it.workers, 3);
});

test('waits while a worker is missing, and leaves a fixed number alone', (context) => {
  const it = rig(context, 2, 2, 4);
  it.looks(20, 0.99, { utilizations: [0.99] });
  const fixed = rig(context, 2, 2, 2);
  fixed.looks(20, 0.99);
  assert.deepEqual([it.done, fixed.done], [[], []]);
});
