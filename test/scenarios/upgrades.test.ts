import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import type { Cleanup } from '../support/cleanup.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';
import { WebSocketClient } from './support/web-socket.ts';

const UPGRADE = 'GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n';

async function started(cleanup: Cleanup, workers: number, ...args: string[]): Promise<[EvenerProcess, string]> {
  const evener = new EvenerProcess(cleanup, ['upgrades.cjs', '-w', String(workers), '--', ...args]);
  return [evener, await evener.url(workers)];
}

/** Those that several tests share. */
const one = startedOnce((cleanup) => started(cleanup, 1));
const two = startedOnce((cleanup) => started(cleanup, 2));
const deaf = startedOnce((cleanup) => started(cleanup, 1, 'deaf'));

/** What the app writes from now on. */
function writtenBy(evener: EvenerProcess): () => string {
  const since = evener.stdout.length;
  return () => evener.stdout.slice(since);
}

test('carries WebSocket messages both ways, up to 1 MB', async (t) => {
  const [, url] = await two();
  const socket = new WebSocketClient(t, `${url}/ws`);
  assert.match(String(await socket.message(0)), /^hello from \d+$/);
  const large = randomBytes(1_000_000);
  socket.send('short');
  socket.send(large);
  socket.send('after it');
  assert.equal(await socket.message(1), 'short');
  assert.ok(large.equals((await socket.message(2)) as Buffer));
  assert.equal(await socket.message(3), 'after it');
  socket.terminate();
});

test('lets the client close a WebSocket', async (t) => {
  const [evener, url] = await one();
  const written = writtenBy(evener);
  const socket = new WebSocketClient(t, `${url}/ws`);
  await socket.message(0);
  socket.close(4000, 'enough');
  assert.deepEqual(await socket.closed(), { code: 4000, reason: 'enough' });
  await until('the app to see it closed', () => written().includes('socket closed 4000 enough'));
});

test('tells an app that does not read a tunnel of its end', async (t) => {
  const [, url] = await one();
  const client = await RawClient.connect(t, url);
  client.write(UPGRADE.replace('/raw', '/unread'));
  await client.head();
  client.end();
  assert.equal(await client.rest(), 'BYE');
});

test('lets the app close a WebSocket', async (t) => {
  const [evener, url] = await one();
  const written = writtenBy(evener);
  const socket = new WebSocketClient(t, `${url}/ws`);
  await socket.message(0);
  socket.send('close, please');
  assert.deepEqual(await socket.closed(), { code: 4001, reason: 'as asked' });
  await until('the app to see it closed', () => written().includes('socket closed 4001 as asked'));
});

test('tells the app of a WebSocket whose client vanishes', async (t) => {
  const [evener, url] = await one();
  const written = writtenBy(evener);
  const socket = new WebSocketClient(t, `${url}/ws`);
  await socket.message(0);
  socket.terminate();
  await until('the app to see it closed', () => written().includes('socket closed 1006'));
});

test('closes the WebSockets of a worker that dies', async (t) => {
  const [, url] = await started(t, 2);
  const socket = new WebSocketClient(t, `${url}/ws`);
  const pid = Number(/\d+/.exec(String(await socket.message(0)))?.[0]);
  process.kill(pid, 'SIGKILL');
  assert.equal((await socket.closed()).code, 1006);
});

test('spreads fifty WebSockets over the workers, beside requests', async (t) => {
  const [evener, url] = await two();
  const pids = workerPids(evener);
  const counts = new Map(pids.map((pid) => [pid, 0]));
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const socket = new WebSocketClient(t, `${url}/ws`);
      const pid = Number(/\d+/.exec(String(await socket.message(0)))?.[0]);
      counts.set(pid, counts.get(pid)! + 1);
      for (let round = 1; round <= 10; round++) {
        socket.send(`${index} ${round}`);
        assert.equal(await socket.message(round), `${index} ${round}`);
        assert.equal((await request(`${url}/pid`)).status, 200);
      }
      socket.close(1000, '');
      await socket.closed();
    }),
  );
  // How evenly depends on how busy the machine keeps each of them.
  for (const count of counts.values()) assert.ok(count > 0, `all on one: ${[...counts.values()]}`);
});

test('hands a raw upgrade over with the bytes that came early', async (t) => {
  const [evener, url] = await one();
  const written = writtenBy(evener);
  const client = await RawClient.connect(t, url);
  client.write(`${UPGRADE}early`);
  assert.equal((await client.response()).status, 101);
  const answer = 'EARLY';
  await until('the early bytes', () => client.bytes >= answer.length);
  client.write(' and late');
  client.end();
  assert.match(await client.rest(), /EARLY AND LATEBYE$/);
  await until('the tunnel to close', () => written().includes('tunnel closed'));
  assert.match(written(), /tunnel ended\ntunnel closed/);
});

test('tells the app of a client that resets its upgraded connection', async (t) => {
  const [evener, url] = await one();
  const written = writtenBy(evener);
  const client = await RawClient.connect(t, url);
  client.write(UPGRADE);
  await client.response();
  client.socket.resetAndDestroy();
  await until('the tunnel to close', () => written().includes('tunnel closed'));
});

test('passes on what an app says to an upgrade that it refuses', async (t) => {
  const [, url] = await one();
  const client = await RawClient.connect(t, url);
  client.write(UPGRADE.replace('/raw', '/refused'));
  const response = await client.response();
  assert.equal(response.status, 403);
  assert.equal(String(response.body), 'no');
  assert.equal(await client.rest(), '');
});

test('lets go of a client that has ended its side behind an upgrade that its app leaves alone, and of no other', async (t) => {
  const [evener, url] = await started(t, 1);
  const written = writtenBy(evener);
  const [client, other] = [await RawClient.connect(t, url), await RawClient.connect(t, url)];
  client.write(UPGRADE.replace('/raw', '/ignored'));
  other.write(UPGRADE.replace('/raw', '/kept'));
  await other.head();
  for (const each of [client, other]) each.socket.end();
  await until('the app to hear of it', () => written().includes('ignored socket closed'), 90_000);
  assert.equal(await client.rest(), '');
  await request(`${url}/pid`);
  assert.equal(other.socket.readyState, 'readOnly');
});

test('opens a tunnel for CONNECT', async (t) => {
  const [, url] = await one();
  const client = await RawClient.connect(t, url);
  client.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
  assert.match((await client.response('CONNECT')).head, /^HTTP\/1\.1 200 Connected to example\.org:443\r\n/);
  client.write('through');
  assert.equal(String(await client.read(7)), 'THROUGH');
  client.end();
  assert.equal(await client.rest(), 'BYE');
});

test('gives an upgrade that no listener takes to the app as a request, its body too', async (t) => {
  const [, url] = await deaf();
  const client = await RawClient.connect(t, url);
  for (const body of ['', 'a body']) {
    const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`;
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n${length}\r\n${body}`);
    assert.equal(String((await client.response()).body), `plain POST shout ${body}`);
  }
});

test('closes the connection of a CONNECT that no listener takes', async (t) => {
  const [, url] = await deaf();
  const client = await RawClient.connect(t, url);
  client.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
  assert.equal(await client.rest(), '');
});
