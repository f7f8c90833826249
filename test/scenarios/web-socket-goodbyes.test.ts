import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { verb } from '../support/control.ts';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';
import { SocketIoClients } from './support/socket-io-client.ts';
import { WebSocketClient } from './support/web-socket.ts';

const CLIENTS = 50;
/** Longer than one piece of the link, so that goodbyes come while frames are under way. */
const MESSAGE = randomBytes(90_000);

interface Goodbye {
  readonly code: number;
  readonly atMs: number;
  /** Of the others, at that moment. */
  readonly open: number;
}

/** So many clients that talk all the while. */
async function talkers(t: TestContext, url: string): Promise<{ goodbyes: Goodbye[]; ended: Promise<void> }> {
  const goodbyes: Goodbye[] = [];
  const sockets = Array.from({ length: CLIENTS }, () => new WebSocketClient(t, `${url}/ws`));
  for (const socket of sockets) await socket.message(0);
  const talk = async (socket: WebSocketClient): Promise<void> => {
    let sent = 0;
    for (; !socket.isClosed; sent++) {
      socket.send(MESSAGE);
      const text = `${sent}`;
      socket.send(text);
      await until('an answer, or the end', () => socket.isClosed || socket.messages.length >= 3 + 2 * sent);
    }
    const { code } = await socket.closed();
    goodbyes.push({ code, atMs: performance.now(), open: CLIENTS - goodbyes.length - 1 });
    // Each message came whole and in its order, up to where it ended.
    for (const [i, message] of socket.messages.slice(1).entries()) {
      if (i % 2 === 1) assert.equal(message, String((i - 1) / 2));
      else assert.ok(MESSAGE.equals(message as Buffer), `message ${i}`);
    }
    assert.ok(socket.messages.length > 1);
  };
  const ended = Promise.all(sockets.map(talk)).then(() => {});
  await until('an answer to each', () => sockets.every(({ messages }) => messages.length > 1));
  return { goodbyes, ended };
}

function assertSpread(goodbyes: readonly Goodbye[]): void {
  assert.equal(goodbyes.length, CLIENTS);
  const times = goodbyes.map(({ atMs }) => atMs).sort((a, b) => a - b);
  // Some 3 s by the clock. A worker that is held up makes up for the closes that it has missed, but has begun in time.
  const span = times[CLIENTS - 1]! - times[0]!;
  assert.ok(span > 500, `all of them within ${span} ms`);
}

test('a reload closes WebSockets one by one with 1012, and never within a message', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '2', '--drain-limit', '4s']);
  const url = await evener.url(2);
  const raw = await RawClient.connect(t, url);
  raw.write('GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n');
  assert.equal((await raw.response()).status, 101);
  const { goodbyes, ended } = await talkers(t, url);
  const reloading = verb(evener, ['reload', '--parallel', '2']);
  await until('the first of them', () => goodbyes.length > 0);
  raw.write('still here');
  assert.equal(String(await raw.read(10)), 'STILL HERE', 'what is no WebSocket is left alone');
  await ended;
  assert.deepEqual(new Set(goodbyes.map(({ code }) => code)), new Set([1012]));
  assertSpread(goodbyes);
  const heard = (): number => evener.stdout.split('socket closed 1012').length - 1;
  // The last of each worker may end together with it.
  await until(
    () => `the app to hear of it, not of ${heard()}`,
    () => heard() >= CLIENTS - 2,
  );
  assert.equal((await reloading).code, 0);
});

test('a stop closes them with 1001', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '2', '--drain-limit', '4s']);
  const { goodbyes, ended } = await talkers(t, await evener.url(2));
  const stopping = verb(evener, ['stop']);
  await ended;
  assert.deepEqual(new Set(goodbyes.map(({ code }) => code)), new Set([1001]));
  assertSpread(goodbyes);
  assert.equal((await stopping).code, 0);
  assertEnding(await evener.ended, 0);
});

test('a stop closes those as well that are opened while it lasts', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '1', '--drain-limit', '1m']);
  const url = await evener.url();
  const client = await RawClient.connect(t, url);
  client.write('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
  assert.equal((await request(`${url}/pid`)).status, 200);
  evener.kill('SIGTERM');
  await evener.said(/stopping/);
  // What has been opened before has been told goodbye by then.
  await sleep(500);
  client.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  assert.match(await client.head(), /^HTTP\/1\.1 101 /);
  assert.ok((await client.rest()).endsWith('\x88\x02\x03\xe9'), 'closed with 1001');
  assertEnding(await evener.ended, 0);
});

test('few are closed soon, and the reload does not wait for the limit', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '1', '--drain-limit', '5m']);
  const socket = new WebSocketClient(t, `${await evener.url()}/ws`);
  await socket.message(0);
  assert.equal((await verb(evener, ['reload'])).code, 0);
  assert.equal((await socket.closed()).code, 1012);
});

test('a client that reads slowly gets all that the app has sent before the goodbye', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '1']);
  const socket = new WebSocketClient(t, `${await evener.url()}/ws`);
  await socket.message(0);
  socket.pause();
  socket.send('a hundred, please');
  await until('the app to have sent them', () => evener.stdout.includes('a hundred sent'));
  const reloading = verb(evener, ['reload']);
  await evener.saidTimes(/worker 0 ready/, 2);
  // The goodbye is said within a quarter of a second.
  await sleep(1_000);
  socket.resume();
  assert.equal((await socket.closed()).code, 1012);
  const firsts = socket.messages.slice(1).map((message) => (message as Buffer)[0]);
  assert.deepEqual(firsts, [...Array(100).keys()]);
  assert.equal((await reloading).code, 0);
});

test('an app that sends until it is held back hears of the goodbye as well', async (t) => {
  const evener = new EvenerProcess(t, ['upgrades.cjs', '-w', '1']);
  const url = await evener.url();
  // It keeps the worker.
  const raw = await RawClient.connect(t, url);
  raw.write('GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n');
  assert.equal((await raw.response()).status, 101);
  const socket = new WebSocketClient(t, `${url}/ws`);
  await socket.message(0);
  socket.send('all you have, please');
  await socket.message(100);
  // Much is to be under way to it when the goodbye leaves, so that its answer takes a while.
  socket.pause();
  const reloading = verb(evener, ['reload']);
  await evener.saidTimes(/worker 0 ready/, 2);
  await sleep(1_000);
  socket.resume();
  assert.equal((await socket.closed()).code, 1012);
  await until('the app to hear of it', () => evener.stdout.includes('socket closed 1012'));
  raw.end();
  assert.equal((await reloading).code, 0);
  assert.doesNotMatch(evener.stderr, /hangs/);
});

test('Socket.IO connects again by itself, to the workers of after', async (t) => {
  const sockets = new SocketIoClients(t);
  const evener = new EvenerProcess(t, ['socket-io.cjs', '-w', '1', '--drain-limit', '4s']);
  const clients = await sockets.connect(12, await evener.url(), ['websocket']);
  const before = new Set(workerPids(evener));
  assert.equal((await verb(evener, ['reload'])).code, 0);
  for (const client of clients) {
    await client.connected();
    const pid = await client.who('again');
    assert.ok(pid !== null && !before.has(pid), JSON.stringify(client.losses));
    assert.deepEqual(client.losses, ['transport close']);
  }
});
