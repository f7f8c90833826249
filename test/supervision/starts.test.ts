import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { OutputSink, WorkerOutput } from '../../src/supervision/output.ts';
import { Starts, type StartsFleet } from '../../src/supervision/starts.ts';
import type { WorkerProcess } from '../../src/supervision/worker-process.ts';
import { APPS } from '../support/evener-process.ts';

const EXIT = { code: 1, signal: null, spawnFailure: null };

test('what workers say that fail to start is shown once, but for numbers in it, and again when one was ready', async () => {
  let shown = '';
  const sink = new OutputSink(
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        shown += chunk;
        done();
      },
    }),
    true,
  );
  const [options] = resolveOptions({ app: 'server.cjs', cwd: APPS, workers: 2 }).apps;
  const place = { failedStarts: 1, isReady: false, isParked: false, nextStartInMs: 100, exited: () => 100, hurry() {} };
  const slots = new Map([0, 1].map((slot) => [slot, place]));
  const starts = new Starts({ options, slots } as unknown as StartsFleet, false, {
    emit() {},
    post() {},
    giveUp: (_code, reason) => assert.fail(reason),
  });
  const fails = async (slot: number, pid: number): Promise<void> => {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const output = new WorkerOutput(String(slot), out, sink, err, sink);
    out.end();
    err.end(`Error: broken, pid ${pid}\n`);
    await output.ended;
    const facts = { slot, pid, plan: { app: 'web' }, listenFailure: null, address: null, dismissal: null };
    starts.failed({ ...facts, output } as unknown as WorkerProcess, EXIT);
  };
  starts.succeeded();
  for (const [slot, pid] of [
    [0, 4711],
    [1, 4712],
    [0, 4715],
  ] as const) {
    await fails(slot, pid);
  }
  assert.equal(shown, 'Error: broken, pid 4711\n');
  starts.succeeded();
  await fails(1, 4720);
  assert.equal(shown, 'Error: broken, pid 4711\nError: broken, pid 4720\n');
});
