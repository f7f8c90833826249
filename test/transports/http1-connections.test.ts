import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { freePort } from '../support/free-port.ts';
import { RawServer } from '../support/raw-server.ts';
import { until } from '../support/until.ts';
import { get, ok, ProxiedRoad, type ProxiedSettings, post } from './proxied-road.ts';

/** A server, a client, and the connection to the server that has carried a first request and is kept. */
async function served(t: TestContext, settings: ProxiedSettings = {}) {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], settings);
  const client = await road.client();
  client.write(get('/first'));
  const peer = await server.next();
  await peer.head();
  peer.write(ok('first'));
  await client.response();
  return { server, road, client, peer };
}

describe('connections to a server are kept', () => {
  test('and used again, the last one first', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const a = await road.client();
    const b = await road.client();
    a.write(get('/a'));
    const first = await server.next();
    await first.head();
    b.write(get('/b'));
    const second = await server.next();
    await second.head();
    first.write(ok('a'));
    await a.response();
    second.write(ok('b'));
    await b.response();
    a.write(get('/c'));
    assert.match(await second.head(), /^GET \/c /);
    second.write(ok('c'));
    assert.equal(String((await a.response()).body), 'c');
    assert.equal(server.accepted.length, 2);
  });

  test('no longer than their time-out', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url], { http1: { idleTimeoutMs: 200 } });
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write(ok('x'));
    await client.response();
    await peer.ended();
    await until('the connection to be forgotten', () => road.transports[0]!.connections === 0);
  });

  test('but not timed out in the middle of a request', async (t) => {
    const { server, client, peer } = await served(t, { http1: { idleTimeoutMs: 1_000 } });
    client.write(get('/slow'));
    await peer.head();
    await sleep(2_000);
    peer.write(ok('slow'));
    assert.equal(String((await client.response()).body), 'slow');
    assert.equal(server.accepted.length, 1);
  });

  test('no longer than the server says, less a second', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url], { http1: { idleTimeoutMs: 60_000 } });
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    const before = performance.now();
    peer.write(ok('x', 'Keep-Alive: timeout=1, max=100\r\n'));
    await client.response();
    await peer.ended();
    const tookMs = performance.now() - before;
    assert.ok(tookMs >= 400, `closed after ${tookMs} ms`);
  });

  test('up to their number', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url], { http1: { maxIdleConnections: 1 } });
    const clients = await Promise.all([road.client(), road.client(), road.client()]);
    for (const client of clients) client.write(get('/'));
    for (const _ of clients) {
      const peer = await server.next();
      await peer.head();
    }
    for (const peer of server.accepted) peer.write(ok('x'));
    for (const client of clients) await client.response();
    await until('the others to be closed', () => road.transports[0]!.connections === 1);
    assert.equal(road.transports[0]!.idleConnections, 1);
  });

  for (const [what, request] of [
    ['must not run twice', (path: string) => post(path, 'a')],
    [
      'cannot be sent twice',
      (path: string) => `PUT ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n${'a'.repeat(70_000)}`,
    ],
  ] as const) {
    test(`for a request that ${what} only while they are fresh`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const client = await road.client();
      client.write(request('/1'));
      const peer = await server.next();
      await peer.request();
      peer.write(ok('1'));
      await client.response();
      client.write(request('/2'));
      assert.match((await peer.request()).head, /^\w+ \/2 /);
      peer.write(ok('2'));
      await client.response();
      await sleep(1_100);
      client.write(request('/3'));
      const next = await server.next();
      assert.match((await next.request()).head, /^\w+ \/3 /);
      next.write(ok('3'));
      await client.response();
    });
  }
});

describe('when a kept connection closes under a request', () => {
  /** One connection that has served, and the next request written to it. */
  async function kept(t: TestContext, request: string) {
    const { server, road, client, peer } = await served(t);
    client.write(request);
    await peer.request();
    return { server, road, client, peer };
  }

  for (const [what, request] of [
    ['GET', get('/again')],
    ['PUT and its body', 'PUT /again HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'],
    ['DELETE', 'DELETE /again HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['GET with an upgrade that is ignored', get('/again', 'Connection: Upgrade\r\nUpgrade: h2c\r\n')],
    [
      'PUT with one, and its body',
      'PUT /again HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc',
    ],
  ] as const) {
    test(`${what} is sent again, on a new one`, async (t) => {
      const { server, road, client, peer } = await kept(t, request);
      peer.end();
      const next = await server.next();
      const { head, body } = await next.request();
      assert.match(head, /^\w+ \/again /);
      assert.equal(String(body), request.startsWith('PUT') ? 'abc' : '');
      next.write(ok('second'));
      assert.equal(String((await client.response()).body), 'second');
      assert.equal(road.counted.retried, 0);
    });
  }

  test('and later the new one under another, that is sent again, too', async (t) => {
    const { server, road, client, peer } = await kept(t, get('/again'));
    peer.end();
    const second = await server.next();
    await second.head();
    second.write(ok('second'));
    await client.response();
    client.write(get('/third'));
    await second.head();
    second.end();
    const third = await server.next();
    assert.match(await third.head(), /^GET \/third /);
    third.write(ok('third'));
    assert.equal(String((await client.response()).body), 'third');
    assert.equal(road.counted.retried, 0);
  });

  test('and so does the new one, it is not sent a third time', async (t) => {
    const { server, client, peer } = await kept(t, get('/again'));
    peer.end();
    const next = await server.next();
    await next.head();
    next.end();
    assert.equal((await client.response()).status, 502);
    assert.equal(server.accepted.length, 2);
  });

  test('and the server has gone, another gets it, with the body that its ignored upgrade does not hold back', async (t) => {
    const servers = [await RawServer.listen(t), await RawServer.listen(t)];
    const road = await ProxiedRoad.start(
      t,
      servers.map(({ url }) => url),
    );
    const clients = [await road.client(), await road.client()];
    for (const client of clients) client.write(get('/first'));
    const peers = [await servers[0]!.next(), await servers[1]!.next()];
    for (const peer of peers) {
      await peer.head();
      peer.write(ok('first'));
    }
    for (const client of clients) await client.response();
    clients[0]!.write(
      'PUT /again HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc',
    );
    const chosen = await until('the request to be given to a server', () =>
      road.transports.find(({ endpoint }) => endpoint.inFlight === 1),
    );
    const at = road.transports.indexOf(chosen);
    await peers[at]!.request();
    servers[at]!.server.close();
    peers[at]!.socket.destroy();
    const other = peers[1 - at]!;
    assert.equal(String((await other.request()).body), 'abc');
    other.write(ok('second'));
    assert.equal(String((await clients[0]!.response()).body), 'second');
  });

  test('POST is answered with 502, and not sent again', async (t) => {
    const { server, client, peer } = await kept(t, post('/again', 'abc'));
    peer.end();
    assert.equal((await client.response()).status, 502);
    assert.equal(server.accepted.length, 1);
  });

  test('after a 1xx has come, it is not sent again', async (t) => {
    const { server, client, peer } = await kept(t, 'PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx');
    peer.write('HTTP/1.1 102 Processing\r\n\r\n');
    assert.equal((await client.response()).status, 102);
    peer.end();
    assert.equal((await client.response()).status, 502);
    assert.equal(server.accepted.length, 1);
  });
});

describe('a request that is held back for others', () => {
  /** One kept connection, and a request for it that does not leave until `release`. */
  async function held(t: TestContext, request: string) {
    const flushTurn = new FlushTurn(Number.POSITIVE_INFINITY);
    const { server, road, client, peer } = await served(t, { turn: flushTurn });
    let isBusy = true;
    const keepBusy = (): void => {
      if (!isBusy) return;
      flushTurn.messageComplete();
      flushTurn.messageComplete();
      setImmediate(keepBusy);
    };
    keepBusy();
    t.after(() => {
      isBusy = false;
    });
    client.write(request);
    await until('the request to be given to the server', () => road.transports[0]!.endpoint.inFlight === 1);
    const release = (): void => {
      isBusy = false;
    };
    return { server, road, client, peer, release };
  }

  const emptyPost = 'POST /again HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';

  test('leaves with them', async (t) => {
    const { client, peer, release } = await held(t, emptyPost);
    release();
    assert.match((await peer.request()).head, /^POST \/again /);
    peer.write(ok('second'));
    assert.equal(String((await client.response()).body), 'second');
  });

  test('was not sent when its connection closes: a new one takes it, whatever its method', async (t) => {
    const { server, client, peer, release } = await held(t, emptyPost);
    peer.end();
    const next = await server.next();
    release();
    assert.match((await next.request()).head, /^POST \/again /);
    next.write(ok('second'));
    assert.equal(String((await client.response()).body), 'second');
    assert.equal(server.accepted.length, 2);
  });

  test('does not take for its answer what the server sends unasked', async (t) => {
    const { server, client, peer, release } = await held(t, get('/again'));
    peer.write(ok('of nobody'));
    const next = await server.next();
    release();
    await next.request();
    next.write(ok('second'));
    assert.equal(String((await client.response()).body), 'second');
  });

  test('is not the first on its connection: a server that turns that away answers unread', async (t) => {
    const { server, road, release } = await held(t, get('/again'));
    const another = await road.client();
    another.write(get('/turned-away'));
    const peer = await server.next();
    assert.match(await peer.head(), /^GET \/turned-away /);
    peer.write(ok('busy'));
    assert.equal(String((await another.response()).body), 'busy');
    release();
  });

  test('was not sent when its connection closes in the turn in which it would have been', async (t) => {
    const connections = 100;
    const sockets: net.Socket[] = [];
    let delivered = 0;
    const server = net.createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', () => {
        delivered++;
        if (delivered > connections) socket.write(ok('second'));
        else if (delivered === connections) for (const each of sockets) each.write(ok('first'));
      });
    });
    t.after(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const road = await ProxiedRoad.start(t, [`http://127.0.0.1:${port}`], { turn: new FlushTurn(64) });
    const clients = await Promise.all(Array.from({ length: connections }, () => road.client()));
    for (const client of clients) client.write(get('/'));
    await Promise.all(clients.map((client) => client.response()));
    await until('all connections to be kept', () => road.transports[0]!.idleConnections === connections);
    // Both lie there when the event loop looks next.
    for (const socket of sockets.splice(0)) socket.resetAndDestroy();
    for (const client of clients) client.write(emptyPost);
    for (const client of clients) assert.equal(String((await client.response()).body), 'second');
    assert.equal(delivered, 2 * connections);
  });

  test('is not sent when its client has gone', async (t) => {
    const { road, client, peer, release } = await held(t, get('/again'));
    client.socket.destroy();
    await until('the request to be over', () => road.transports[0]!.endpoint.inFlight === 0);
    release();
    assert.equal(await peer.rest(), '');
  });
});

describe('when a connection that is new closes under a request', () => {
  for (const [what, fields] of [
    ['GET', ''],
    ['GET with an upgrade that is ignored', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
  ] as const) {
    test(`${what} runs once more, on another server`, async (t) => {
      const servers = [await RawServer.listen(t), await RawServer.listen(t)];
      const road = await ProxiedRoad.start(
        t,
        servers.map(({ url }) => url),
      );
      const client = await road.client();
      client.write(get('/', fields));
      const at = await until('a request', () => servers.findIndex(({ accepted }) => accepted.length > 0) + 1 || null);
      const peer = await servers[at - 1]!.next();
      await peer.head();
      peer.end();
      const other = await servers[2 - at]!.next();
      await other.head();
      other.write(ok('other'));
      assert.equal(String((await client.response()).body), 'other');
      assert.equal(road.counted.retried, 1);
    });
  }

  for (const [what, request] of [
    ['POST', post('/', 'abc')],
    ['PUT', 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc'],
  ] as const) {
    test(`${what} is answered with 502`, async (t) => {
      const servers = [await RawServer.listen(t), await RawServer.listen(t)];
      const road = await ProxiedRoad.start(
        t,
        servers.map(({ url }) => url),
      );
      const client = await road.client();
      client.write(request);
      const at = await until('a request', () => servers.findIndex(({ accepted }) => accepted.length > 0) + 1 || null);
      const peer = await servers[at - 1]!.next();
      await peer.request();
      peer.end();
      assert.equal((await client.response()).status, 502);
      assert.equal(servers[2 - at]!.accepted.length, 0);
    });
  }
});

describe('a server that cannot be connected to', () => {
  test('is left out at once, and a POST goes to another', async (t) => {
    const server = await RawServer.listen(t);
    const down = await freePort();
    const road = await ProxiedRoad.start(t, [`127.0.0.1:${down}`, server.url]);
    const clients = await Promise.all(Array.from({ length: 4 }, () => road.client()));
    for (const client of clients) client.write(post('/', 'abc'));
    for (const _ of clients) {
      const peer = await server.next();
      assert.equal(String((await peer.request()).body), 'abc');
      peer.write(ok('up', 'Connection: close\r\n'));
    }
    for (const client of clients) assert.equal((await client.response()).status, 200);
    assert.match(road.told[0]!, /^0 unreachable: .*ECONNREFUSED/);
    assert.equal(road.transports[0]!.endpoint.isEligible, false);
  });

  test('gets requests again as soon as it is back', async (t) => {
    const port = await freePort();
    const road = await ProxiedRoad.start(t, [`127.0.0.1:${port}`]);
    const client = await road.client();
    client.write(post('/', 'abc'));
    await until('the server to be found down', () => road.told.length === 1);
    // Meanwhile the request waits.
    const server = await RawServer.listen(t, port);
    const peer = await until('the request', async () => {
      for (const candidate of server.accepted) if (candidate.bytes > 0) return candidate;
      return null;
    });
    assert.equal(String((await peer.request()).body), 'abc');
    peer.write(ok('back'));
    assert.equal(String((await client.response()).body), 'back');
    assert.deepEqual(road.told.slice(1), ['0 reachable']);
  });

  test('where it is the only one, lets requests wait no longer than the queue’s limit', async (t) => {
    const port = await freePort();
    const road = await ProxiedRoad.start(t, [`127.0.0.1:${port}`], { queueTimeoutMs: 200 });
    const client = await road.client();
    client.write(get('/'));
    const response = await client.response();
    assert.equal(response.status, 503);
    assert.match(response.head, /^Retry-After: /m);
  });

  test('a large body that was not sent yet goes to another as well', async (t) => {
    const server = await RawServer.listen(t);
    const down = await freePort();
    const road = await ProxiedRoad.start(t, [`127.0.0.1:${down}`, server.url]);
    // Whichever is first: both get one.
    const body = Buffer.alloc(1024 * 1024, 'y');
    const clients = await Promise.all([road.client(), road.client()]);
    for (const client of clients) {
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
      client.write(body);
    }
    for (const _ of clients) {
      const peer = await server.next();
      assert.equal((await peer.request()).body.length, body.length);
      peer.write(ok('up', 'Connection: close\r\n'));
    }
    for (const client of clients) assert.equal((await client.response()).status, 200);
  });
});

test('a POST of which some has perhaps been sent is not sent again where the rest of it fails', async (t) => {
  const made: net.Socket[] = [];
  const note = (message: unknown) => made.push((message as { socket: net.Socket }).socket);
  subscribe('net.client.socket', note);
  t.after(() => unsubscribe('net.client.socket', note));
  const accepted: net.Socket[] = [];
  const servers = [1, 2].map(() => net.createServer({ pauseOnConnect: true }, (socket) => accepted.push(socket)));
  t.after(() => {
    for (const server of servers) server.close();
    for (const socket of accepted) socket.destroy();
  });
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const road = await ProxiedRoad.start(t, urls, { maxHeadBytes: 16 * 1024 * 1024 });
  const client = await road.client();
  // More than the kernel takes of one write.
  client.write(post('/', 'abc', `X-A: ${'a'.repeat(8 * 1024 * 1024)}\r\n`));
  const upstream = await until('some of it to wait for the kernel', () =>
    made.find(({ remotePort, writableLength }) => ports.includes(remotePort!) && writableLength > 0),
  );
  // As Node tells it where the server resets the connection just before more is written.
  upstream.destroy(Object.assign(new Error('write ECONNRESET'), { code: 'ECONNRESET', syscall: 'write' }));
  assert.equal((await client.response()).status, 502);
  assert.equal(accepted.length, 1);
});

test('a connection that is not made in time counts as one that failed', async (t) => {
  const full = await fullServer(t);
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [full, server.url], { http1: { connectTimeoutMs: 1_000 } });
  const clients = await Promise.all([road.client(), road.client()]);
  for (const client of clients) client.write(post('/', 'abc'));
  for (const _ of clients) {
    const peer = await server.next();
    await peer.request();
    peer.write(ok('up', 'Connection: close\r\n'));
  }
  for (const client of clients) assert.equal((await client.response()).status, 200);
  assert.equal(road.told.join(), '0 unreachable: no connection within 1000 ms');
});

test('a server on a Unix socket', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evu-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = await RawServer.listen(t, join(folder, 'app.sock'));
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('GET / HTTP/1.0\r\n\r\n');
  const peer = await server.next();
  assert.match(await peer.head(), /^GET \/ HTTP\/1\.1\r\nHost: localhost\r\n/);
  peer.write(ok('unix'));
  assert.equal(String((await client.response()).body), 'unix');
});

test('a server that is taken out finishes what it has', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(get('/'));
  const peer = await server.next();
  await peer.head();
  road.transports[0]!.drain();
  assert.deepEqual(road.told, []);
  peer.write(ok('last'));
  assert.equal(String((await client.response()).body), 'last');
  await peer.ended();
  assert.deepEqual(road.told, ['0 idle']);
});

test('a server that is taken out has finished when the last of what it had goes elsewhere', async (t) => {
  const servers = [await RawServer.listen(t), await RawServer.listen(t)];
  const road = await ProxiedRoad.start(
    t,
    servers.map(({ url }) => url),
  );
  const client = await road.client();
  client.write(get('/'));
  const index = await until('a connection', () => {
    const at = servers.findIndex(({ accepted }) => accepted.length > 0);
    return at === -1 ? null : at;
  });
  const before = await servers[index]!.next();
  await before.head();
  road.transports[index]!.drain();
  before.socket.resetAndDestroy();
  const peer = await servers[1 - index]!.next();
  await peer.head();
  peer.write(ok('elsewhere'));
  assert.equal(String((await client.response()).body), 'elsewhere');
  assert.deepEqual(road.told, [`${index} idle`]);
});

test('a server that is taken out is not waited for to be back', async (t) => {
  const road = await ProxiedRoad.start(t, [await fullServer(t)], { http1: { connectTimeoutMs: 300 } });
  const client = await road.client();
  client.write(get('/'));
  await until('it to be unreachable', () => road.told.length > 0);
  const [transport] = road.transports;
  await until('another try', () => transport!.connections === 1);
  transport!.drain();
  await until('its end', () => transport!.connections === 0, 5_000);
});

test('a server that is closed at once leaves nobody without an answer', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], { queueTimeoutMs: 200 });
  const client = await road.client();
  client.write(post('/', 'abc'));
  const peer = await server.next();
  await peer.request();
  road.transports[0]!.close();
  assert.equal((await client.response()).status, 502);
});

test('what was not sent yet to a server that is closed at once goes elsewhere', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [await fullServer(t), server.url]);
  const [full] = road.transports;
  const clients = await Promise.all([road.client(), road.client()]);
  for (const client of clients) client.write(post('/', 'abc'));
  await until('one to be on its way to it', () => full!.endpoint.inFlight === 1);
  full!.close();
  for (const _ of clients) {
    const peer = await server.next();
    assert.equal(String((await peer.request()).body), 'abc');
    peer.write(ok('here', 'Connection: close\r\n'));
  }
  for (const client of clients) assert.equal(String((await client.response()).body), 'here');
});

test('a request whose client leaves closes its connection', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write(get('/'));
  const peer = await server.next();
  await peer.head();
  client.socket.destroy();
  await peer.ended();
  await until('nothing to be in flight', () => road.transports[0]!.endpoint.inFlight === 0);
});

/** A server that is stopped, with its queue full: the kernel answers nobody who wants to connect. */
async function fullServer(t: TestContext): Promise<string> {
  const code =
    "const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(String(line));
  child.kill('SIGSTOP');
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    await Promise.race([once(socket, 'connect'), sleep(500)]);
    // On a busy machine both may have come.
    await turn();
    if (socket.connecting) return `127.0.0.1:${port}`;
  }
}
