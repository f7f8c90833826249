import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { findInspector } from '../../src/supervision/inspector-address.ts';
import { InspectorClient } from '../../src/supervision/inspector-client.ts';

test('a server that is no inspector gives no stack, whatever it says', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  t.after(() => server.close());
  await once(server, 'listening');
  let heard = 0;
  server.on('connection', (socket) => {
    socket.on('message', () => {
      heard++;
      for (const text of ['hello', 'null', '{"method":"Debugger.paused"}']) socket.send(text);
    });
  });
  const { port } = server.address() as AddressInfo;
  const client = await InspectorClient.connect(`ws://127.0.0.1:${port}`, 5_000);
  assert.equal(await client.pause(300), null);
  await client.leave(false, 10);
  assert.ok(heard > 0);
});

test('a server that answers without end is not waited for', { skip: process.platform !== 'linux' }, async (t) => {
  const server = http.createServer((_, response) => {
    const drops = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(drops));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  assert.equal(await findInspector(process.pid), null);
});
