import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { writeBoth, writeBytes, writeText } from '../../src/core/direct-write.ts';

/** More than the kernel takes of a connection whose other end does not read. */
const MUCH = 16 * 1024 * 1024;

type Write = (request: unknown, ...rest: unknown[]) => number;

const [major] = process.versions.node.split('.').map(Number);
const skip = major! >= 26 ? 'to handles of this Node only its streams write' : false;

test('what the handle refused once, and the stream then takes, is told as taken', { skip }, async (context) => {
  const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  const socket = net.connect(
    (await once(server, 'listening')) && (server.address() as net.AddressInfo).port,
    '127.0.0.1',
  );
  context.after(() => {
    server.close();
    socket.destroy();
  });
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
    [net.Socket],
    unknown,
  ];
  const handle = (socket as unknown as { _handle: Record<'writeBuffer' | 'writev', Write> })._handle;
  // The class of requests is learnt from the first.
  writeText(socket, 'first');
  await new Promise(setImmediate);

  for (const way of ['writeBuffer', 'writev'] as const) {
    const write = handle[way];
    handle[way] = () => {
      handle[way] = write;
      return -12;
    };
    let isTaken = false;
    const bytes = Buffer.alloc(MUCH);
    const onTaken = (): void => {
      isTaken = true;
    };
    const isAtOnce =
      way === 'writev' ? writeBoth(socket, Buffer.from('head'), bytes, onTaken) : writeBytes(socket, bytes, onTaken);
    assert.equal(handle[way], write, 'tried');
    assert.ok(!isAtOnce && !isTaken);
    peer.resume();
    while (socket.writableLength > 0) await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.ok(isTaken, way);
    peer.pause();
  }
});
