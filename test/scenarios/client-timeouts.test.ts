import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawServer } from '../support/raw-server.ts';
import { get } from './support/road-suite.ts';

const MIB = 1024 * 1024;

/** A server of which the test has every byte behind `evener proxy`, and a client connected to that. */
async function proxied(t: TestContext, ...options: string[]): Promise<{ server: RawServer; client: RawClient }> {
  const server = await RawServer.listen(t);
  const evener = new EvenerProcess(t, ['proxy', server.url, '-p', '0', ...options]);
  return { server, client: await RawClient.connect(t, await evener.url(0)) };
}

/** An app with these settings behind one worker, and a client connected to that. */
async function served(t: TestContext, settings: object, ...options: string[]): Promise<RawClient> {
  const evener = new EvenerProcess(t, ['road.cjs', '-w', '1', ...options, '--', JSON.stringify(settings)]);
  return RawClient.connect(t, await evener.url(1));
}

function upload(bytes: number, fields: string = ''): string {
  return `POST /sum HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${bytes}\r\n\r\n`;
}

/** Nobody takes it up, beside a body or at all. */
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';

test('a client that falls silent within a body gets 408, and its server sees the request cut', async (t) => {
  const { server, client } = await proxied(t, '--body-timeout', '2s');
  client.write(`${upload(10)}abc`);
  const peer = await server.next();
  await peer.head();
  assert.equal((await client.response()).status, 408);
  assert.equal(await client.rest(), '');
  assert.equal(await peer.rest(), 'abc');
});

test('so does one whose upgrade is declined, of a server', async (t) => {
  const { server, client } = await proxied(t, '--body-timeout', '2s');
  client.write(`${upload(10, UPGRADE)}abc`);
  const peer = await server.next();
  await peer.head();
  assert.equal((await client.response()).status, 408);
});

test('and of an app, by its requestTimeout', async (t) => {
  const client = await served(t, { requestTimeout: 500 });
  client.write(`${upload(10, UPGRADE)}abc`);
  assert.equal((await client.response()).status, 408);
  assert.equal(await client.rest(), '');
});

test('an upload may take longer than --body-timeout while it goes on', async (t) => {
  const { server, client } = await proxied(t, '--body-timeout', '3s');
  client.write(upload(30));
  const peer = await server.next();
  await peer.head();
  for (let i = 0; i < 30; i++) {
    await sleep(120);
    client.write('x');
  }
  assert.equal(String(await peer.read(30)), 'x'.repeat(30));
  peer.write('HTTP/1.1 204 No Content\r\n\r\n');
  assert.equal((await client.response()).status, 204);
});

test('a client is not blamed while the server takes nothing', async (t) => {
  const { server, client } = await proxied(t, '--body-timeout', '2s');
  client.write(upload(32 * MIB));
  client.write(Buffer.alloc(32 * MIB, 'x'));
  const peer = await server.next();
  await peer.head();
  peer.socket.pause();
  await sleep(3500);
  peer.socket.resume();
  const body = await peer.read(32 * MIB - peer.bytes);
  assert.ok(body.length > 0);
  peer.write('HTTP/1.1 204 No Content\r\n\r\n');
  assert.equal((await client.response()).status, 204);
});

test('a server that takes nothing of an upload answers for it: 504 after --response-timeout', async (t) => {
  const { server, client } = await proxied(t, '--response-timeout', '300ms');
  client.write(upload(32 * MIB));
  client.write(Buffer.alloc(32 * MIB, 'x'));
  const peer = await server.next();
  await peer.head();
  peer.socket.pause();
  assert.equal((await client.response()).status, 504);
});

test('a Node app’s requestTimeout and --body-timeout both hold', async (t) => {
  const client = await served(t, { requestTimeout: 60_000 }, '--body-timeout', '300ms');
  client.write(`${upload(10)}abc`);
  assert.equal((await client.response()).status, 408);
  assert.equal(await client.rest(), '');
});

test('--keep-alive-timeout shortens the rest between two requests', async (t) => {
  const client = await served(t, { keepAliveTimeout: 60_000 }, '--keep-alive-timeout', '300ms');
  client.write(get('/text'));
  assert.equal((await client.response()).status, 200);
  assert.equal(await client.rest(), '');
});

test('--keep-alive-timeout prolongs the rest between two requests', async (t) => {
  const client = await served(t, { keepAliveTimeout: 1, keepAliveTimeoutBuffer: 1 }, '--keep-alive-timeout', '1m');
  client.write(get('/text'));
  assert.equal((await client.response()).status, 200);
  await sleep(2500);
  client.write(get('/text'));
  assert.equal((await client.response()).status, 200);
});
