import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { SERVER_LIMITS } from '../../src/balancer/server-pools.ts';
import { FrameReader } from '../../src/link/frame-reader.ts';
import { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameFlag, FrameType, type Hello, LINK_VERSION, type ListenRequest } from '../../src/link/frames.ts';
import { FrameRecorder } from '../link/recorded-frames.ts';
import { request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { startBalancer } from './started-balancer.ts';

const TOKEN = '0'.repeat(32);

test('a worker that dials in when it is draining already gets no requests', async (context) => {
  const { balancer, meters, pool, linkPath, told } = await startBalancer(context, { queueTimeout: '300ms' });
  const meter = meters.worker(1);
  balancer.receive({ type: 'expect-worker', worker: 1, pool, slot: 0, token: TOKEN, isHeld: false, meter });
  balancer.receive({ type: 'drain-worker', worker: 1, withinMs: 0 });

  const socket = net.connect(linkPath);
  context.after(() => socket.destroy());
  await once(socket, 'connect');
  const received = new FrameRecorder();
  const reader = new FrameReader(received);
  const hasRequest = (): boolean => received.frames.some(({ type }) => type === FrameType.Open);
  socket.on('data', (bytes: Buffer) => {
    reader.read(bytes, 0, bytes.length);
    if (hasRequest()) socket.destroy();
  });
  const writer = new FrameWriter({
    isCongested: false,
    send: (bytes) => socket.write(Buffer.from(bytes)),
    sendBoth: (first, second) => socket.write(Buffer.concat([first, second])),
    wake: () => {},
  });
  const hello: Hello = { version: LINK_VERSION, worker: 1, token: TOKEN, pid: process.pid };
  writer.utf8(FrameType.Hello, FrameFlag.None, 0, JSON.stringify(hello));
  const listen: ListenRequest = {
    ...{ host: '127.0.0.1', port: 0, path: null, pathMode: 0, ipv6Only: false, backlog: 0 },
    ...{ protocol: 'http', opened: null, server: SERVER_LIMITS },
  };
  writer.utf8(FrameType.Listen, FrameFlag.None, 1, JSON.stringify(listen));
  writer.flush();

  const listening = await until('it to listen', () => told.find(({ type }) => type === 'worker-listening'));
  assert.ok(listening.type === 'worker-listening');
  const { status } = await request(`http://127.0.0.1:${listening.listener.port}/`);
  assert.equal(status, 503);
  assert.ok(!hasRequest());
});
