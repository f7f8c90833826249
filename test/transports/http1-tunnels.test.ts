import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REQUEST_WINDOW_BYTES } from '../../src/link/frames.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawServer } from '../support/raw-server.ts';
import { until } from '../support/until.ts';
import { get, ok, ProxiedRoad } from './proxied-road.ts';

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: echo\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

test('an upgrade turns into bytes both ways, with those that came along', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(`${get('/', UPGRADE)}early`);
  const peer = await server.next();
  assert.match(await peer.head(), /\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n$/);
  peer.write(`${SWITCH}first`);
  assert.equal(await client.head(), SWITCH);
  assert.equal(String(await client.read(5)), 'first');
  assert.equal(String(await peer.read(5)), 'early');
  client.write('ping');
  assert.equal(String(await peer.read(4)), 'ping');
  peer.write('pong');
  assert.equal(String(await client.read(4)), 'pong');
});

describe('a tunnel ends', () => {
  for (const who of ['client', 'server'] as const) {
    test(`one way at a time, the ${who} first, and nothing is lost`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const socket = net.connect({ port: Number(new URL(road.url).port), host: '127.0.0.1', allowHalfOpen: true });
      const client = RawClient.accepted(t, socket);
      client.write(get('/', UPGRADE));
      const peer = await server.next();
      await peer.head();
      peer.write(SWITCH);
      await client.head();
      const [first, second] = who === 'client' ? [client, peer] : [peer, client];
      first.write('a'.repeat(300_000));
      first.end();
      assert.equal((await second.rest()).length, 300_000);
      second.write('b'.repeat(300_000));
      second.end();
      assert.equal((await first.rest()).length, 300_000);
      await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
    });
  }

  test('with all of it where the server takes its time over the last bytes', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await RawClient.connect(t, road.url, true);
    client.write(get('/', UPGRADE));
    const peer = await server.next();
    await peer.head();
    peer.write(SWITCH);
    await client.head();
    const { endpoint } = road.transports[0]!;
    const [exchange] = road.transports[0]!.inFlight();
    const before = exchange!.bytesIn;
    peer.socket.pause();
    peer.end();
    let written = 0;
    // Until the kernel's buffers are full, and some of it waits with us.
    while (exchange!.credit === REQUEST_WINDOW_BYTES) {
      client.write(Buffer.alloc(32 * 1024, written & 0xff));
      written += 32 * 1024;
      await until('the piece to arrive', () => exchange!.bytesIn === before + written || exchange!.credit === 0);
    }
    client.end();
    await until('the exchange to be over', () => endpoint.inFlight === 0);
    // Longer than it would take to close a connection that nobody wants.
    await sleep(8_000);
    peer.socket.resume();
    assert.equal((await peer.rest()).length, written);
  });

  test('at once when the server resets it', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/', UPGRADE));
    const peer = await server.next();
    await peer.head();
    peer.write(SWITCH);
    await client.head();
    peer.socket.resetAndDestroy();
    await client.ended();
    await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
  });

  test('with a reset when the client resets it', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/', UPGRADE));
    const peer = await server.next();
    await peer.head();
    peer.write(SWITCH);
    await client.head();
    client.socket.resetAndDestroy();
    await peer.ended();
    await until('the reset', () => peer.error?.code === 'ECONNRESET');
  });
});

test('an upgrade that the server declines is an ordinary request', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(get('/', UPGRADE));
  const peer = await server.next();
  await peer.head();
  peer.write(ok('no'));
  assert.equal(String((await client.response()).body), 'no');
  // Node's server reads no more requests there, whatever its app answers: they would be bytes to that.
  client.write(get('/next'));
  const next = await server.next();
  await peer.ended();
  assert.match(await next.head(), /^GET \/next /);
  next.write(ok('next'));
  assert.equal(String((await client.response()).body), 'next');
});

test('an upgrade with a body is an ordinary request, and its body follows', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n${UPGRADE}\r\nabc`);
  const peer = await server.next();
  const { head, body } = await peer.request();
  assert.doesNotMatch(head, /upgrade/i);
  assert.equal(String(body), 'abc');
  peer.write(ok('done'));
  assert.equal(String((await client.response()).body), 'done');
});

test('requests cannot get past us as h2c', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(get('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'));
  const peer = await server.next();
  assert.equal((await peer.head()).match(/upgrade|http2/i), null);
  peer.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  assert.equal((await client.response()).status, 502);
});

test('what comes behind a CONNECT that was declined is no request', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(`CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n${get('/meant-for-the-tunnel')}`);
  const peer = await server.next();
  await peer.head();
  peer.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  assert.equal((await client.response('CONNECT')).status, 403);
  assert.equal(await client.rest(), '');
  assert.equal(server.accepted.length, 1);
});

for (const body of ['Content-Length: 2\r\n\r\nok', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n']) {
  test(`a server that answers CONNECT as it does any request gets none past us: ${body.slice(0, 8)}`, async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(`CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n${get('/', 'X-Real-IP: 192.0.2.1')}`);
    const peer = await server.next();
    await peer.head();
    const answer = `HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\n${body}`;
    peer.write(answer);
    assert.equal(await client.rest(), answer);
    const next = await road.client();
    next.write(get('/next'));
    assert.match(await (await server.next()).head(), /^GET \/next /);
  });
}

test('CONNECT is passed on, and opens a tunnel where the server agrees', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n');
  const peer = await server.next();
  assert.match(await peer.head(), /^CONNECT b\.example:443 HTTP\/1\.1\r\n/);
  peer.write('HTTP/1.1 200 Connected\r\n\r\nhello');
  assert.equal((await client.response('CONNECT')).status, 200);
  assert.equal(String(await client.read(5)), 'hello');
  client.write('hi');
  assert.equal(String(await peer.read(2)), 'hi');
});

for (const [what, head, answer] of [
  ['CONNECT', 'CONNECT b.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n', 'HTTP/1.1 200 Connected\r\n\r\n'],
  ['an upgrade', get('/', UPGRADE), SWITCH],
] as const) {
  test(`a client that ends its side behind ${what} gets an answer that takes its time`, async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(`${head}hello`);
    client.end();
    const peer = await server.next();
    await peer.head();
    // More than what other requests are given.
    await sleep(400);
    peer.write(answer);
    assert.equal(String(await peer.read(5)), 'hello');
    await peer.ended();
    peer.write('goodbye');
    peer.end();
    assert.equal(await client.rest(), `${answer}goodbye`);
    await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
  });

  test(`one that ends its side behind ${what} that is declined, too; then it has gone`, async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(head);
    client.end();
    const peer = await server.next();
    await peer.head();
    await sleep(400);
    peer.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    assert.match(await client.rest(), /^HTTP\/1\.1 403 [\s\S]+\r\nConnection: close\r\n\r\nno$/);
    await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
  });
}

test('a client that ends its side behind an upgrade gets 504 by the response time-out', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], { responseTimeoutMs: 400 });
  const client = await road.client();
  client.write(get('/', UPGRADE));
  client.end();
  assert.match(await client.rest(), /^HTTP\/1\.1 504 /);
});

test('TRACE and OPTIONS that may go no further are answered here', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('TRACE /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: secret\r\nX: 1\r\n\r\n');
  const trace = await client.response();
  assert.match(trace.head, /^Content-Type: message\/http\r$/m);
  assert.match(trace.head, /^Date: .+ GMT\r$/m);
  assert.equal(String(trace.body), 'TRACE /x HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n');
  client.write('OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
  assert.match((await client.response()).head, /^Allow: /m);
  assert.equal(server.accepted.length, 0);
});

test('an upgrade is ignored in a request that is answered here', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  for (const body of ['\r\n', 'Content-Length: 3\r\n\r\nabc']) {
    client.write(`OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n${UPGRADE}${body}`);
    assert.match((await client.response()).head, /^Allow: /m);
  }
  client.write('TRACE /y HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(String((await client.response()).body), /^TRACE \/y /);
  await until('the exchanges to be over', () => road.transports[0]!.endpoint.inFlight === 0);
});

test('an HTTP/1.0 client is told that its connection is kept by an answer from here, too', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('OPTIONS * HTTP/1.0\r\nMax-Forwards: 0\r\nConnection: keep-alive\r\n\r\n');
  assert.match((await client.response()).head, /^Connection: keep-alive\r$/m);
});

test('the body of a request that is answered here is thrown away, however large', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(`OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nContent-Length: 1000000\r\n\r\n`);
  client.write('x'.repeat(1_000_000));
  assert.match((await client.response()).head, /^Allow: /m);
  client.write('TRACE /y HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
  assert.match(String((await client.response()).body), /^TRACE \/y /);
  await until('the exchanges to be over', () => road.transports[0]!.endpoint.inFlight === 0);
});
