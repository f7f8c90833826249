import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { EventStream } from '../../src/control/event-stream.ts';

const PIECES = 32;
const PIECE = 'x'.repeat(256 * 1024);

/** How many characters reach a reader that comes late to what is sent at once. */
async function received(context: TestContext, send: (stream: EventStream) => void): Promise<number> {
  const server = http.createServer((_request, response) => {
    const stream = new EventStream(response);
    send(stream);
    stream.end();
  });
  context.after(() => server.close());
  server.listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  let length = 0;
  try {
    const response = await fetch(`http://127.0.0.1:${port}`);
    for await (const piece of response.body!) length += piece.length;
  } catch {
    // It was let go.
  }
  return length;
}

function sendPieces(stream: EventStream): void {
  for (let i = 0; i < PIECES; i++) stream.send(PIECE);
}

test('a reader gets all that was there before it, and is let go when it lags behind what comes', async (context) => {
  const all = PIECES * PIECE.length;
  assert.ok((await received(context, (stream) => stream.begin(() => sendPieces(stream)))) > all);
  assert.ok((await received(context, sendPieces)) < all);
  const both = await received(context, (stream) => {
    stream.begin(() => sendPieces(stream));
    sendPieces(stream);
  });
  assert.ok(both < 2 * all);
});
