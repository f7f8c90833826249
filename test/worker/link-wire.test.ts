import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { FrameFlag, FrameType } from '../../src/link/frames.ts';
import { LinkWire } from '../../src/worker/link-wire.ts';
import { until } from '../support/until.ts';

/** A wire to somebody who reads nothing until told to, with more written than the kernel takes. */
async function congested(t: TestContext): Promise<{ wire: LinkWire; other: net.Socket }> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-wire-'));
  const path = join(folder, 'link');
  const server = net.createServer((socket) => socket.pause());
  server.listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const wire = new LinkWire(
    path,
    new FlushTurn(),
    { onFrame: () => true, onData: () => true },
    { onConnected: () => {}, onClosed: () => {}, onLongTurn: () => {} },
  );
  const [other] = (await accepted) as [net.Socket];
  t.after(() => {
    other.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  await until('the connection', () => wire.isConnected);
  // Only the first write of a process takes the way of the stream.
  wire.writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(1));
  wire.writer.flush();
  await until('the first write to be taken', () => !wire.isCongested);
  while (!wire.isCongested) wire.writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(64 * 1024));
  return { wire, other };
}

test('while the kernel takes nothing, small pieces have room up to a bound, and large ones have none', async (t) => {
  const { wire, other } = await congested(t);
  assert.ok(!wire.hasRoomFor(64 * 1024));
  let pieces = 0;
  for (; wire.hasRoomFor(10_000); pieces++) {
    assert.ok(pieces < 1000, 'there is a bound');
    wire.writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(10_000));
    wire.writer.flush();
  }
  assert.ok(pieces > 0);
  let read = 0;
  other.on('data', (bytes: Buffer) => {
    read += bytes.length;
  });
  other.resume();
  await until('the kernel to take it', () => !wire.isCongested);
  await until('all of it to arrive', () => read > pieces * 10_000);
  assert.ok(wire.hasRoomFor(64 * 1024));
});

test('calls back in the order in which it was asked to, also what is asked for the moment the kernel has taken all', async (t) => {
  const { wire, other } = await congested(t);
  const order: string[] = [];
  wire.afterFlush(() => order.push('while congested'));
  wire.onDrain(() => {
    assert.ok(!wire.isCongested);
    wire.afterFlush(() => order.push('at once'));
    wire.afterTurn(() => wire.afterFlush(() => order.push('a turn later')));
  });
  other.resume();
  await until('all to be called back', () => order.length === 3);
  assert.deepEqual(order, ['while congested', 'at once', 'a turn later']);
});

test('calls back when the kernel has taken what was written before, whatever was written after', async (t) => {
  const { wire, other } = await congested(t);
  let hasMore: boolean | null = null;
  wire.afterFlush(() => {
    hasMore = wire.isCongested;
  });
  for (let i = 0; i < 100; i++) wire.writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(64 * 1024));
  other.resume();
  await until('the call', () => hasMore !== null);
  assert.equal(hasMore, true);
});

test('calls back with an error when the socket closes before', async (t) => {
  const { wire, other } = await congested(t);
  const errors: unknown[] = [];
  wire.afterFlush((error) => errors.push((error as NodeJS.ErrnoException).code));
  other.destroy();
  await until('the call', () => errors.length > 0);
  wire.afterFlush(() => errors.push('later'));
  await until('the second call', () => errors.length > 1);
  assert.deepEqual(errors, ['ERR_STREAM_DESTROYED', 'later']);
});

test('is made past what a package has put in the place of ways to connect', async (t) => {
  const refuse = (): never => {
    throw new Error('no connection of the app');
  };
  t.mock.method(net, 'connect', refuse);
  t.mock.method(net.Socket.prototype, 'connect', refuse);
  await congested(t);
});
