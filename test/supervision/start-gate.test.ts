import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartGate } from '../../src/supervision/start-gate.ts';
import type { WorkerProcess } from '../../src/supervision/worker-process.ts';
import type { WorkerSlot } from '../../src/supervision/worker-slot.ts';
import { until } from '../support/until.ts';

const skip = existsSync('/proc/self/schedstat') ? false : 'where the system tells nothing of its threads all may start';

/** What the gate has to do with: a process that boots, and a place that wants one. */
class Boot {
  readonly worker: WorkerProcess;
  readonly #child: ChildProcess;

  constructor(context: TestContext, script: string) {
    this.#child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.worker = { pid: this.#child.pid } as WorkerProcess;
    context.after(() => this.#child.kill('SIGKILL'));
  }

  /** Resolves when the script runs. */
  async begun(): Promise<this> {
    await new Promise((resolve) => this.#child.stdout!.once('data', resolve));
    return this;
  }
}

function placeIn(gate: StartGate, started: string[], name: string, facts: { starts: number; failedStarts: number }) {
  const slot = { ...facts, start: () => void (gate.admits(slot) && started.push(name)) } as unknown as WorkerSlot;
  return slot;
}

const FRESH = { starts: 0, failedStarts: 0 };
const SPINS = 'console.log(1); for (;;);';
const WAITS = 'console.log(1); setTimeout(() => {}, 1e6);';

test('one that boots with all of a core keeps the next one waiting until it is up', { skip }, async (context) => {
  const gate = new StartGate(1);
  const started: string[] = [];
  const { worker } = await new Boot(context, SPINS).begun();
  gate.entered(worker);
  placeIn(gate, started, 'fresh', FRESH).start();
  placeIn(gate, started, 'failed before', { starts: 2, failedStarts: 2 }).start();
  // Some looks at it.
  await sleep(500);
  assert.deepEqual(started, []);
  gate.left(worker);
  assert.deepEqual(started, ['fresh', 'failed before']);
});

test('one whose place has served comes first, and has room that others do not have', { skip }, async (context) => {
  const gate = new StartGate(1);
  const started: string[] = [];
  const boots = await Promise.all([1, 2].map(() => new Boot(context, SPINS).begun()));
  gate.entered(boots[0]!.worker);
  const served = { starts: 1, failedStarts: 0 };
  placeIn(gate, started, 'fresh', FRESH).start();
  placeIn(gate, started, 'lost its worker', served).start();
  assert.deepEqual(started, ['lost its worker']);
  gate.entered(boots[1]!.worker);
  placeIn(gate, started, 'lost its worker, too', served).start();
  await sleep(500);
  assert.deepEqual(started, ['lost its worker']);
  gate.left(boots[0]!.worker);
  assert.deepEqual(started, ['lost its worker', 'lost its worker, too']);
  gate.left(boots[1]!.worker);
  assert.deepEqual(started.at(-1), 'fresh');
});

test('one that waits for something else than a core keeps nobody waiting', { skip }, async (context) => {
  const gate = new StartGate(1);
  const started: string[] = [];
  gate.entered((await new Boot(context, WAITS).begun()).worker);
  placeIn(gate, started, 'next', FRESH).start();
  await until('the next one to start', () => started.length === 1);
});
