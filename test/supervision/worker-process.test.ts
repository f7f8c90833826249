import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenerAddress } from '../../src/channel/messages.ts';
import { OutputSink } from '../../src/supervision/output.ts';
import { type WorkerObserver, WorkerProcess } from '../../src/supervision/worker-process.ts';

const ADDRESS: ListenerAddress = { host: '::', port: 1, path: null, protocol: 'http' };
const EXIT_CODE = 5;

/** A worker that ends at once, of whose two balancer threads `tell` tells when that is known. Whether it was ready. */
async function endsAtOnce(t: TestContext, tell: (worker: WorkerProcess) => void): Promise<boolean> {
  const sink = new OutputSink(new PassThrough().resume(), true);
  return new Promise((resolve) => {
    const observer: WorkerObserver = {
      workerListening: (worker) => worker.admit(),
      workerReady() {},
      workerDraining() {},
      workerEnding: tell,
      workerExited(worker, { code }) {
        assert.equal(code, EXIT_CODE);
        resolve(worker.wasReady);
      },
      workerGone() {},
    };
    const args = ['-e', `process.exit(${EXIT_CODE})`];
    const command = { file: process.execPath, args, cwd: '.', env: process.env, mark: '', ipc: false };
    const plan = { incarnation: 1, app: 'a', slot: 0, generation: 0, token: '', isHeld: false, childAddress: null };
    const worker = new WorkerProcess(
      { ...plan, command, threads: 2, bootTimeoutMs: 0, holdOutputMs: 0 },
      sink,
      sink,
      observer,
    );
    t.after(() => worker.kill('closing'));
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
