import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameType } from '../../src/link/frames.ts';
import { request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { dialAsWorker, startBalancer } from './started-balancer.ts';

test('a worker that dials in when it is draining already gets no requests', async (context) => {
  const started = await startBalancer(context, { queueTimeout: '300ms' });
  const { socket, received, listen } = await dialAsWorker(context, started, (balancer) => {
    balancer.receive({ type: 'drain-worker', worker: 1, withinMs: 0 });
  });
  const hasRequest = (): boolean => received.frames.some(({ type }) => type === FrameType.Open);
  socket.on('data', () => {
    if (hasRequest()) socket.destroy();
  });
  listen(1);

  const listening = await until('it to listen', () => started.told.find(({ type }) => type === 'worker-listening'));
  assert.ok(listening.type === 'worker-listening');
  const { status } = await request(`http://127.0.0.1:${listening.listener.port}/`);
  assert.equal(status, 503);
  assert.ok(!hasRequest());
});
