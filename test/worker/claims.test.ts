import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameType } from '../../src/link/frames.ts';
import { STREAMS_PER_NOTE } from '../../src/link/ledger.ts';
import { until } from '../support/until.ts';
import { LinkedWorker } from './linked-worker.ts';

test('asks before it runs a revoked request, runs it when granted, and goes on with others meanwhile', async (t) => {
  const worker = await LinkedWorker.start(t, 'deliveries.cjs');
  worker.revoke(5);
  worker.post(5);
  await worker.frame(FrameType.Claim, 5);
  assert.equal(worker.noted, 5, 'that it begins is noted first');
  worker.post(6);
  assert.match((await worker.frame(FrameType.Head, 6)).payload, /^HTTP\/1\.1 200 /);
  assert.deepEqual(worker.begun, ['6']);
  worker.tell(FrameType.Grant, 5);
  const { payload } = await worker.frame(FrameType.Head, 5);
  assert.match(payload, /^HTTP\/1\.1 200 [\s\S]+\r\n\r\n10$/, 'with all of its body');
  assert.deepEqual(worker.begun, ['6', '5']);
});

test('gives a granted request all of its body, though its handler throws and the app survives that', async (t) => {
  const worker = await LinkedWorker.start(t, 'survives-throws.cjs');
  worker.revoke(5);
  worker.post(5);
  await worker.frame(FrameType.Claim, 5);
  worker.tell(FrameType.Grant, 5);
  assert.match((await worker.frame(FrameType.Head, 5)).payload, /^HTTP\/1\.1 200 [\s\S]+\r\n\r\n10$/);
});

test('does not run a revoked request that is aborted, or whose client leaves', async (t) => {
  const worker = await LinkedWorker.start(t, 'deliveries.cjs');
  worker.revoke(6);
  for (const stream of [5, 6]) {
    worker.post(stream);
    await worker.frame(FrameType.Claim, stream);
  }
  worker.tell(FrameType.Abort, 5);
  worker.tell(FrameType.Close, 6);
  worker.tell(FrameType.Grant, 5);
  worker.tell(FrameType.Grant, 6);
  worker.post(7);
  await worker.frame(FrameType.Head, 7);
  assert.deepEqual(worker.begun, ['7']);
  assert.equal(worker.count(FrameType.Claim), 2);
});

test('asks of a safe request, too, which it would not note', async (t) => {
  const worker = await LinkedWorker.start(t, 'deliveries.cjs');
  worker.revoke(5);
  worker.get(
    new Map([
      [5, '/?id=5'],
      [6, '/?id=6'],
    ]),
  );
  await worker.frame(FrameType.Head, 6);
  await worker.frame(FrameType.Claim, 5);
  assert.deepEqual(worker.begun, ['6']);
  worker.tell(FrameType.Abort, 5);
});

test('does not ask where nothing was revoked', async (t) => {
  const worker = await LinkedWorker.start(t, 'deliveries.cjs');
  worker.post(5);
  await worker.frame(FrameType.Head, 5);
  assert.equal(worker.count(FrameType.Claim), 0);
});

test('what it has noted does not become so old that it seems to be of streams to come', async (t) => {
  const worker = await LinkedWorker.start(t, 'deliveries.cjs');
  worker.post(5);
  await worker.frame(FrameType.Head, 5);
  worker.beat();
  await until('safe requests to be noted', () => worker.notesAllFrom === 6);
  const later = STREAMS_PER_NOTE + 1;
  worker.post(later);
  await worker.frame(FrameType.Head, later);
  assert.deepEqual([worker.noted, worker.notesAllFrom], [later, later]);
});
