import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenerAddress } from '../../src/channel/messages.ts';
import { OutputSink } from '../../src/supervision/output.ts';
import { type WorkerObserver, WorkerProcess } from '../../src/supervision/worker-process.ts';
import { WorkerState } from '../../src/supervision/worker-state.ts';

const ADDRESS: ListenerAddress = { host: '::', port: 1, path: null, protocol: 'http' };
const EXIT_CODE = 5;

/** A process of two balancer threads that runs this script. */
function workerOf(
  t: TestContext,
  script: string,
  observer: WorkerObserver,
  screen: Writable = new PassThrough().resume(),
): WorkerProcess {
  const sink = new OutputSink(screen, true);
  const command = { file: process.execPath, args: ['-e', script], cwd: '.', env: process.env, mark: '', ipc: false };
  const plan = { incarnation: 1, app: 'a', slot: 0, generation: 0, token: '', isHeld: false, childAddress: null };
  const worker = new WorkerProcess(
    { ...plan, command, threads: 2, bootTimeoutMs: 0, holdOutputMs: 0 },
    sink,
    sink,
    observer,
  );
  t.after(() => worker.kill('closing'));
  return worker;
}

/** A worker that ends at once, of whose two balancer threads `tell` tells when that is known. Whether it was ready. */
async function endsAtOnce(t: TestContext, tell: (worker: WorkerProcess) => void): Promise<boolean> {
  return new Promise((resolve) => {
    workerOf(t, `process.exit(${EXIT_CODE})`, {
      workerListening: (worker) => worker.admit(),
      workerReady() {},
      workerDraining() {},
      workerEnding: tell,
      workerExited(worker, { code }) {
        assert.equal(code, EXIT_CODE);
        resolve(worker.wasReady);
      },
      workerGone() {},
    });
  });
}

test('one that died of its first request is known to have been ready, though that is heard later', async (t) => {
  const wasReady = await endsAtOnce(t, async (worker) => {
    for (const thread of [0, 1]) {
      // Longer than it takes to read its output to the end.
      await sleep(300);
      worker.listening(thread, ADDRESS);
      worker.forgotten(thread);
    }
  });
  assert.equal(wasReady, true);
});

test('one of which its threads have nothing to tell, or which have died, was not', async (t) => {
  const wasReady = await endsAtOnce(t, (worker) => {
    worker.forgotten(0);
    worker.threadLost(1);
  });
  assert.equal(wasReady, false);
});

test('listens where every thread of now has heard so: one that has died takes with it what it had heard', (t) => {
  let listens = 0;
  const worker = workerOf(t, 'setInterval(() => {}, 1_000)', {
    workerListening: () => void listens++,
    workerReady() {},
    workerDraining() {},
    workerEnding() {},
    workerExited() {},
    workerGone() {},
  });
  worker.listening(0, ADDRESS);
  worker.threadLost(0);
  worker.listening(1, ADDRESS);
  assert.equal(listens, 0);
  worker.linked(0, 0);
  worker.listening(0, ADDRESS);
  assert.equal(listens, 1);
});

test('the last word of a thread that has started again, and has it again, is waited for', async (t) => {
  const wasReady = await endsAtOnce(t, async (worker) => {
    worker.forgotten(0);
    worker.threadLost(1);
    worker.linked(1, 0);
    await sleep(300);
    for (const thread of [0, 1]) worker.listening(thread, ADDRESS);
    worker.forgotten(1);
  });
  assert.equal(wasReady, true);
});

for (const [what, isLinked, told] of [
  ['is linked may have requests, and finishes them', true, ['draining', 'drained', 'SIGTERM']],
  ['nobody reaches has none, and ends at once', false, ['drained', 'SIGTERM']],
] as const) {
  test(`one that is retired before it is heard that it listens: one that ${what}`, async (t) => {
    const seen: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const worker = workerOf(t, 'setInterval(() => {}, 1_000)', {
        workerListening() {},
        workerReady() {},
        workerDraining: () => void seen.push('draining'),
        workerEnding() {
          for (const thread of [0, 1]) worker.forgotten(thread);
        },
        workerExited(_worker, { signal }) {
          seen.push(String(signal));
          resolve();
        },
        workerGone() {},
      });
      if (isLinked) worker.linked(0, 0);
      worker.retire(60_000);
      // Nothing was sent to it that would end it before this.
      assert.equal(worker.state, isLinked ? WorkerState.Draining : WorkerState.Stopping);
      seen.push('drained');
      for (const thread of [0, 1]) worker.drained(thread);
      assert.equal(worker.state, WorkerState.Stopping);
    });
    await ended;
    assert.deepEqual(seen, told);
  });
}

test('is gone only when the last that it wrote has been passed on', async (t) => {
  // More than the 128 KiB that are read before there is a pause, and less than the kernel holds.
  const [line, lines] = ['a line of its last words\n', 5_600];
  let passedOn = 0;
  let hasExited = false;
  let goOn = (): void => {};
  // Takes one write, and the others when its process has exited.
  const screen = new Writable({
    highWaterMark: 1,
    write(bytes: Buffer, _encoding, done) {
      passedOn += bytes.length;
      if (hasExited) done();
      else goOn = done;
    },
  });
  await new Promise<void>((resolve) => {
    const observer: WorkerObserver = {
      workerListening: (worker) => worker.admit(),
      workerReady() {},
      workerDraining() {},
      workerEnding() {},
      workerExited() {
        hasExited = true;
        goOn();
      },
      workerGone: () => resolve(),
    };
    const script = `process.stdout.write(${JSON.stringify(line)}.repeat(${lines}))`;
    const worker = workerOf(t, script, observer, screen);
    for (const thread of [0, 1]) worker.listening(thread, ADDRESS);
    assert.ok(worker.wasReady);
  });
  assert.equal(passedOn, line.length * lines);
});
