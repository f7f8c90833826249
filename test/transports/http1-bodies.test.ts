import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawServer } from '../support/raw-server.ts';
import { until } from '../support/until.ts';
import { get, ok, ProxiedRoad } from './proxied-road.ts';

const MIB = 1024 * 1024;

test('an upload reaches the server whole, by length and in chunks', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  const body = randomBytes(3 * MIB);
  for (const isChunked of [false, true]) {
    client.write(
      `PUT / HTTP/1.1\r\nHost: a\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`}\r\n\r\n`,
    );
    for (let at = 0; at < body.length; at += 50_000) {
      const piece = body.subarray(at, at + 50_000);
      if (isChunked) client.write(`${piece.length.toString(16)}\r\n`);
      client.write(piece);
      if (isChunked) client.write('\r\n');
    }
    if (isChunked) client.write('0\r\nX-Sum: 1\r\n\r\n');
    const peer = isChunked ? server.accepted[0]! : await server.next();
    const request = await peer.request();
    assert.equal(digest(request.body), digest(body));
    assert.equal(request.trailers, isChunked ? 'X-Sum: 1\r\n' : '');
    peer.write(ok('got it'));
    assert.equal((await client.response()).status, 200);
  }
  assert.equal(server.accepted.length, 1);
});

test('trailers that Connection names go no further than to us', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  for (const [connection, trailers] of [
    ['Connection: x-hop, te\r\n', 'X-Sum: 1\r\n'],
    ['', 'X-Hop: 1\r\nX-Sum: 1\r\n'],
  ]) {
    client.write(`POST / HTTP/1.1\r\nHost: a\r\n${connection}Transfer-Encoding: chunked\r\n\r\n`);
    client.write('0\r\nX-Hop: 1\r\nX-Sum: 1\r\n\r\n');
    const peer = server.accepted[0] ?? (await server.next());
    assert.equal((await peer.request()).trailers, trailers);
    peer.write(ok('x'));
    await client.response();
  }
});

test('a small body leaves with its head', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n');
  const peer = await server.next();
  assert.equal(String((await peer.request()).body), 'abc');
  peer.write(ok('x'));
  await client.response();
  let reads = 0;
  peer.socket.on('data', () => reads++);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc');
  await peer.request();
  assert.equal(reads, 1);
});

test('large responses to several clients do not mix', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const clients = await Promise.all(Array.from({ length: 6 }, () => road.client()));
  const bodies = clients.map(() => randomBytes(2 * MIB));
  for (let round = 0; round < 3; round++) {
    for (const [i, client] of clients.entries()) {
      client.write(get(`/${i}`));
      // Half of them read late, so that views of what was read into stay in use.
      if (i % 2 === 0) client.socket.pause();
    }
    // None is answered before all are there: its connection would be taken for another.
    await until('all requests', () => road.transports[0]!.endpoint.inFlight === clients.length);
    await until('all connections', () => server.accepted.length === clients.length);
    await Promise.all(
      server.accepted.map(async (peer) => {
        const [, i] = /^GET \/(\d+) /.exec(await peer.head())!;
        const body = bodies[Number(i)]!;
        peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
        peer.write(body);
      }),
    );
    await sleep(50);
    for (const client of clients) client.socket.resume();
    const got = await Promise.all(clients.map(async (client) => digest((await client.response()).body)));
    assert.deepEqual(got, bodies.map(digest));
  }
});

test('a client that does not read holds back the server, and nobody else', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const slow = await road.client();
  slow.socket.pause();
  slow.write(get('/slow'));
  const peer = await server.next();
  await peer.head();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
  const piece = Buffer.alloc(256 * 1024);
  let sent = 0;
  let isHeld = false;
  for (let i = 0; i < 200 && !isHeld; i++) {
    sent += piece.length;
    const mayGoOn = await Promise.race([
      new Promise<boolean>((resolve) => peer.socket.write(piece, () => resolve(true))),
      sleep(1_000, false),
    ]);
    isHeld = !mayGoOn;
  }
  assert.ok(isHeld, `the server could send ${sent} bytes`);
  const other = await road.client();
  other.write(get('/other'));
  const next = await server.next();
  await next.head();
  next.write(ok('quick'));
  assert.equal(String((await other.response()).body), 'quick');
  slow.socket.destroy();
  await peer.ended();
});

test('a server that does not read holds back the client', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
  const peer = await server.next();
  await peer.head();
  peer.socket.pause();
  const piece = Buffer.alloc(256 * 1024);
  let isHeld = false;
  for (let i = 0; i < 200 && !isHeld; i++) {
    isHeld = !(await Promise.race([
      new Promise<boolean>((resolve) => client.socket.write(piece, () => resolve(true))),
      sleep(1_000, false),
    ]));
  }
  assert.ok(isHeld, 'the client could send all it had');
  client.socket.destroy();
  peer.socket.resume();
  await peer.ended();
});

test('a client that waits for 100 is told by the server alone', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
  const peer = await server.next();
  assert.match(await peer.head(), /^Expect: 100-continue\r$/m);
  await sleep(50);
  assert.equal(client.bytes, 0);
  peer.write('HTTP/1.1 100 Continue\r\n\r\n');
  assert.equal((await client.response()).status, 100);
  client.write('data');
  assert.equal(String(await peer.read(4)), 'data');
  peer.write(ok('thanks'));
  assert.equal(String((await client.response()).body), 'thanks');
  // And one that is refused.
  client.write('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
  await peer.head();
  peer.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await client.response()).status, 417);
});

test('an answer that comes before the end of the request does not spoil the connection', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
  const peer = await server.next();
  await peer.head();
  peer.write(ok('early'));
  assert.equal(String((await client.response()).body), 'early');
  client.write('cd');
  assert.equal(String(await peer.read(4)), 'abcd');
  client.write(get('/next'));
  assert.match(await peer.head(), /^GET \/next /);
  peer.write(ok('next'));
  assert.equal(String((await client.response()).body), 'next');
  await until('the connection to be kept', () => road.transports[0]!.idleConnections === 1);
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('an upload goes on after an early answer without a body, however long the server then says nothing', async (t) => {
  const server = await RawServer.listen(t);
  // With Via the head is written anew.
  const road = await ProxiedRoad.start(t, [server.url], { http1: { silenceTimeoutMs: 200, responseVia: 'x' } });
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst');
  const peer = await server.next();
  await peer.head();
  await peer.read(5);
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await client.response()).status, 200);
  await sleep(600);
  client.write('other');
  assert.equal(String(await peer.read(5)), 'other');
});

test('a response that began early is not cut while its server waits for more of the request', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], { http1: { silenceTimeoutMs: 200 } });
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst');
  const peer = await server.next();
  await peer.head();
  await peer.read(5);
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\necho');
  await client.head();
  assert.equal(String(await client.read(4)), 'echo');
  await sleep(600);
  client.write('other');
  assert.equal(String(await peer.read(5)), 'other');
  // From now on it is the server's silence.
  assert.equal(await client.rest(), '');
  await peer.ended();
});

test('a server that has answered, and takes no more of the request, is given up', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], { http1: { silenceTimeoutMs: 200 } });
  const client = await road.client();
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${32 * 1024 * 1024}\r\n\r\n`);
  client.socket.write(Buffer.alloc(32 * 1024 * 1024, 'x'));
  const peer = await server.next();
  await peer.head();
  peer.socket.pause();
  peer.write(ok('early'));
  assert.equal(String((await client.response()).body), 'early');
  await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
});
