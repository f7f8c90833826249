import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { verb } from '../support/control.ts';
import { assertEnding, EvenerProcess } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { WebSocketClient } from './support/web-socket.ts';

const CLIENTS = 6;
/** Longer than a record of TLS and a piece of the link, so that goodbyes come while frames are under way. */
const MESSAGE = randomBytes(90_000);

/** Ports of the app's servers, by name. */
async function portsOf(evener: EvenerProcess): Promise<Map<string, number>> {
  await evener.saidTimes(/worker \d+ ready/, 2);
  return until('both ports', () => {
    const lines = [...evener.stdout.matchAll(/^.*?(\["http.+\])$/gm)].map(
      ([, json]) => JSON.parse(json!) as [string, number],
    );
    const ports = new Map(lines);
    return ports.size === 2 ? ports : null;
  });
}

/** Talks until it is told goodbye. @returns the code it was told */
async function talk(socket: WebSocketClient): Promise<number> {
  await socket.message(0);
  for (let sent = 0; !socket.isClosed; sent++) {
    socket.send(MESSAGE);
    socket.send(`${sent}`);
    await until('an answer, or the end', () => socket.isClosed || socket.messages.length >= 3 + 2 * sent);
  }
  const { code } = await socket.closed();
  assert.ok(socket.messages.length > 1);
  for (const [i, message] of socket.messages.slice(1).entries()) {
    if (i % 2 === 1) assert.equal(message, String((i - 1) / 2));
    else assert.ok(MESSAGE.equals(message as Buffer), `message ${i} came whole`);
  }
  return code;
}

test("WebSockets within an app's own TLS are told goodbye as well, and never within a message", async (t) => {
  const evener = new EvenerProcess(t, ['secure-upgrades.cjs', '-w', '2', '--drain-limit', '8s']);
  const ports = await portsOf(evener);
  const raw = tls.connect({ port: ports.get('https')!, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => raw.destroy());
  await once(raw, 'secureConnect');
  raw.write('GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n');
  assert.match(String((await once(raw, 'data'))[0]), /^HTTP\/1\.1 101 /);

  const open = (server: string): WebSocketClient =>
    new WebSocketClient(t, `https://127.0.0.1:${ports.get(server)}/ws`, { rejectUnauthorized: false });
  const sockets = Array.from({ length: CLIENTS }, (_, i) => open(i % 2 === 0 ? 'https' : 'http2'));
  const talking = sockets.map(talk);
  const idle = open('https');
  await idle.message(0);
  await until('an answer to each', () => sockets.every(({ messages }) => messages.length > 1));
  const reloading = verb(evener, ['reload', '--parallel', '2']);
  assert.equal((await idle.closed()).code, 1012);
  raw.write('still here');
  assert.equal(String((await once(raw, 'data'))[0]), 'STILL HERE', 'what is no WebSocket is left alone');
  assert.deepEqual(new Set(await Promise.all(talking)), new Set([1012]));
  raw.destroy();
  const { code, stderr } = await reloading;
  assert.equal(code, 0, stderr);

  const last = open('http2');
  await last.message(0);
  evener.kill('SIGTERM');
  assert.equal((await last.closed()).code, 1001);
  assertEnding(await evener.ended, 0);
});

test('an app that sends until it is held back hears of the goodbye as well', async (t) => {
  const evener = new EvenerProcess(t, ['secure-upgrades.cjs', '-w', '2', '--drain-limit', '20s']);
  const url = `https://127.0.0.1:${(await portsOf(evener)).get('https')}/ws`;
  const socket = new WebSocketClient(t, url, { rejectUnauthorized: false });
  await socket.message(0);
  socket.send('all you have, please');
  await socket.message(100);
  const reloading = verb(evener, ['reload']);
  assert.equal((await socket.closed()).code, 1012);
  assert.equal((await reloading).code, 0);
  assert.doesNotMatch(evener.stderr, /hangs/);
});

test('a stop closes those as well that are opened while it lasts', async (t) => {
  const evener = new EvenerProcess(t, ['secure-upgrades.cjs', '-w', '2', '--drain-limit', '1m']);
  const ports = await portsOf(evener);
  const client = tls.connect({ port: ports.get('https')!, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => client.destroy());
  await once(client, 'secureConnect');
  // Idle connections are closed, and this one is not to be.
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n');
  await once(client, 'data');
  let received = '';
  client.on('data', (data: Buffer) => {
    received += data.toString('latin1');
  });
  evener.kill('SIGTERM');
  await evener.said(/stopping/);
  await sleep(500);
  client.write(
    'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(client, 'close');
  assert.ok(received.endsWith('\x88\x02\x03\xe9'), JSON.stringify(received));
  assertEnding(await evener.ended, 0);
});
