import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { writeBytes } from '../../src/core/direct-write.ts';
import { resetSocket } from '../../src/core/socket-reset.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

/** A connection, and the other end of it. */
async function pair(t: TestContext): Promise<{ socket: net.Socket; other: RawClient }> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const accepted = once(server, 'connection');
  const other = await RawClient.connect(t, `tcp://127.0.0.1:${(server.address() as net.AddressInfo).port}`);
  const [socket] = (await accepted) as [net.Socket];
  return { socket, other };
}

test('a connection is reset', async (t) => {
  const { socket, other } = await pair(t);
  resetSocket(socket);
  await until('the reset', () => other.error?.code === 'ECONNRESET');
});

test('one of which the end is still under way is closed all the same', async (t) => {
  const { socket, other } = await pair(t);
  // Only the first write of a process takes the way of the stream.
  writeBytes(socket, Buffer.from('x'), () => {});
  assert.equal(String(await other.read(1)), 'x');
  other.socket.pause();
  while (writeBytes(socket, Buffer.alloc(1024 * 1024), () => {}));
  socket.end();
  const closed = once(socket, 'close');
  resetSocket(socket);
  await closed;
  other.socket.resume();
  await other.ended();
});
