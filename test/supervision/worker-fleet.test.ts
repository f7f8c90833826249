import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { XorShift } from '../../src/core/rng.ts';
import { Meters } from '../../src/observability/meters.ts';
import { MAX_DELAY_MS } from '../../src/supervision/back-off.ts';
import { MemoryShortage } from '../../src/supervision/memory-shortage.ts';
import { OutputSink } from '../../src/supervision/output.ts';
import { StartGate } from '../../src/supervision/start-gate.ts';
import { WorkerFleet, type WorkerFleetParts } from '../../src/supervision/worker-fleet.ts';
import { APPS } from '../support/evener-process.ts';

/** A day, within which no slot of {@link fleet} starts anything. */
const NEVER_MS = 86_400_000;

/** What it takes to start workers is not there. */
function fleet(): WorkerFleet {
  const sink = new OutputSink(new PassThrough().resume(), true);
  const parts = {
    ...{ exitOnCrashLoop: false, linkPaths: [''], meters: new Meters(1), memoryShortage: new MemoryShortage() },
    ...{ gate: new StartGate(), out: sink, err: sink, rng: new XorShift() },
  } as unknown as WorkerFleetParts;
  return new WorkerFleet(resolveOptions({ app: 'server.cjs', cwd: APPS }).apps[0]!, parts, {
    isClosing: false,
    emit() {},
    nextIncarnation: () => 1,
    post() {},
    missingThreads: () => [],
    giveUp() {},
    logged() {},
    changed() {},
  });
}

test('while nobody is up the first place that may start a worker tries more often than the others', (context) => {
  const one = fleet();
  context.after(() => one.close());
  for (const index of [0, 1, 2]) one.addSlot(index, NEVER_MS);
  const scouts = (): number[] => {
    return [...one.slots.values()].filter((slot) => one.delayCapMs(slot) < MAX_DELAY_MS).map(({ index }) => index);
  };
  assert.deepEqual(scouts(), [0]);
  // Drained: it stays empty.
  one.slots.get(0)!.drain(0);
  assert.deepEqual(scouts(), [1]);
});
