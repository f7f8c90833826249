import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RawServer } from '../support/raw-server.ts';
import { until } from '../support/until.ts';
import { get, ok, ProxiedRoad, post } from './proxied-road.ts';

const DATE = 'Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n';

const CHUNKED =
  `HTTP/1.1 200 OK\r\n${DATE}` +
  'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\n\r\n' +
  '3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n';

/** Bytes of a server, and what the client is to see of them: everything that may come in pieces. */
const WHOLE: readonly (readonly [what: string, bytes: string, head: RegExp, body: string])[] = [
  [
    'a length',
    ok('hello', `${DATE}X-A: b\r\n`),
    /^HTTP\/1\.1 200 OK\r\nDate: .+ GMT\r\nX-A: b\r\nContent-Length: 5\r\n\r\n$/,
    'hello',
  ],
  ['an empty body', ok('', DATE), /^HTTP\/1\.1 200 OK\r\nDate: .+ GMT\r\nContent-Length: 0\r\n\r\n$/, ''],
  [
    'chunks and trailers',
    CHUNKED,
    /^HTTP\/1\.1 200 OK\r\nDate: .+ GMT\r\nTransfer-Encoding: chunked\r\n\r\n$/,
    'abcde',
  ],
  [
    'an HTTP/1.0 head and fields of the connection',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nProxy-Connection: close\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nhi',
    /^HTTP\/1\.1 200 OK\r\nX-Kept: 1\r\nContent-Length: 2\r\nDate: .+ GMT\r\n\r\n$/,
    'hi',
  ],
  ['no reason', 'HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx', /^HTTP\/1\.1 404\r\n/, 'x'],
];

describe('a response reaches the client', () => {
  for (const [what, bytes, head, body] of WHOLE) {
    test(`with ${what}, split anywhere`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const client = await road.client();
      client.write(get('/'));
      const peer = await server.next();
      for (let cut = 1; cut < bytes.length; cut++) {
        await peer.head();
        peer.write(bytes.slice(0, cut));
        // Both ends are this process: the first piece is read in the turns that follow.
        for (let i = 0; i < 3; i++) await turn();
        peer.write(bytes.slice(cut));
        const response = await client.response();
        assert.match(response.head, head);
        assert.equal(String(response.body), body, `cut at ${cut}`);
        client.write(get('/'));
      }
      assert.equal(server.accepted.length, 1);
    });

    test(`with ${what}, byte by byte`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const client = await road.client();
      client.write(get('/'));
      const peer = await server.next();
      await peer.head();
      for (const byte of bytes) {
        peer.write(byte);
        await turn();
      }
      const response = await client.response();
      assert.match(response.head, head);
      assert.equal(String(response.body), body);
    });
  }

  test('with trailers', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write(CHUNKED.replace('X-Sum: 5\r\n', 'X-Sum: 5\r\nKeep-Alive: timeout=5\r\nConnection: x\r\n'));
    assert.equal((await client.response()).trailers, 'X-Sum: 5\r\n');
  });

  test('without the trailers that its Connection names', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    for (const [connection, trailers] of [
      ['Connection: keep-alive, X-Hop\r\n', 'X-Sum: 5\r\n'],
      ['', 'X-Hop: 1\r\nX-Sum: 5\r\n'],
    ]) {
      client.write(get('/'));
      const peer = server.accepted[0] ?? (await server.next());
      await peer.head();
      peer.write(`HTTP/1.1 200 OK\r\n${connection}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Hop: 1\r\nX-Sum: 5\r\n\r\n`);
      assert.equal((await client.response()).trailers, trailers);
    }
  });

  test('that asks for an upgrade, and says to which', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write(
      'HTTP/1.1 426 Upgrade Required\r\nConnection: keep-alive, upgrade\r\nUpgrade: x/1\r\nContent-Length: 0\r\n\r\n',
    );
    const { head } = await client.response();
    assert.deepEqual(head.match(/^(?:connection|upgrade): .*\r$/gim), ['Upgrade: x/1\r', 'Connection: Upgrade\r']);
  });

  test('that ends with its connection in chunks, and the client keeps its own', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    for (const body of ['first', 'second']) {
      client.write(get('/'));
      const peer = await server.next();
      await peer.head();
      peer.write(`HTTP/1.1 200 OK\r\n\r\n${body}`);
      peer.end();
      const response = await client.response();
      assert.match(response.head, /^Transfer-Encoding: chunked\r$/m);
      assert.equal(String(response.body), body);
    }
  });

  test('with interim ones before it, in their order', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\n\r\n';
    peer.write(`HTTP/1.1 102 Processing\r\n\r\n${early}${ok('done')}`);
    assert.equal((await client.response()).status, 102);
    assert.equal((await client.response()).head, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    assert.equal(String((await client.response()).body), 'done');
  });

  test('to HEAD, 204 and 304 without a body, and the connection is kept', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    const peer = await server.next();
    await peer.head();
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n');
    assert.match((await client.response('HEAD')).head, /^Content-Length: 7\r$/m);
    client.write(get('/'));
    await peer.head();
    peer.write('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n');
    // RFC 9110 section 8.6.
    assert.match((await client.response()).head, /^HTTP\/1\.1 204 No Content\r\nDate: .+ GMT\r\n\r\n$/);
    client.write(get('/'));
    await peer.head();
    peer.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: "1"\r\n\r\n');
    assert.match((await client.response()).head, /^ETag: "1"\r$/m);
    client.write(get('/'));
    await peer.head();
    peer.write(ok('end'));
    assert.equal(String((await client.response()).body), 'end');
    assert.equal(server.accepted.length, 1);
  });

  test('with a Date where the server gives none, which early hints do not need (RFC 9110 section 6.6.1)', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    const before = Date.now();
    peer.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('one')}`);
    assert.equal(await client.head(), 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    const { head, body } = await client.response();
    const [, date] = /^HTTP\/1\.1 200 OK\r\nContent-Length: 3\r\nDate: (.+ GMT)\r\n\r\n$/.exec(head)!;
    assert.ok(Math.abs(Date.parse(date!) - before) < 60_000, date);
    assert.equal(String(body), 'one');
    client.write(get('/'));
    await peer.head();
    peer.write(ok('two', DATE));
    assert.equal((await client.response()).head, `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 3\r\n\r\n`);
  });

  test('of HTTP/1.0 without chunks, and told whether its connection is kept', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const kept = await road.client();
    kept.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const peer = await server.next();
    const asked = await peer.head();
    // RFC 9112 section 3.2: our own message is HTTP/1.1, and has a Host.
    assert.match(asked, /^GET \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    peer.write(ok('one'));
    assert.match((await kept.response()).head, /^Connection: keep-alive\r$/m);
    kept.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    await peer.head();
    peer.write(CHUNKED);
    const response = await kept.response();
    assert.doesNotMatch(response.head, /transfer-encoding/i);
    assert.equal(String(response.body), 'abcde');
    await kept.ended();
  });

  test('with Connection: close to a client that asked for it, whatever the server says', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/', 'Connection: close\r\n'));
    const peer = await server.next();
    assert.doesNotMatch(await peer.head(), /^connection:/im);
    peer.write(ok('bye'));
    assert.match((await client.response()).head, /^Connection: close\r$/m);
    await client.ended();
  });

  test('though the server closes, and the client keeps its connection', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    for (let i = 0; i < 2; i++) {
      client.write(get('/'));
      const peer = await server.next();
      await peer.head();
      peer.write(ok('x', 'Connection: close\r\n'));
      assert.doesNotMatch((await client.response()).head, /connection/i);
    }
  });
});

describe('a response is refused', () => {
  for (const [what, bytes] of [
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc'],
    ['a folded field', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a NUL in a value', 'HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['chunked that is not last', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n'],
    ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a status of two digits', 'HTTP/1.1 99 Odd\r\n\r\n'],
    ['a switch that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(100 * 1024)}`],
    ['more fields than any response has', `HTTP/1.1 200 OK\r\n${'A:b\r\n'.repeat(2001)}\r\n`],
    ['interim responses without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(2000)],
  ] as const) {
    test(`with 502, for ${what}`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const client = await road.client();
      client.write(get('/'));
      const peer = await server.next();
      await peer.head();
      peer.write(bytes);
      let response = await client.response();
      while (response.status === 102) response = await client.response();
      assert.equal(response.status, 502);
      assert.match(String(response.body), /breaks RFC 9112/);
      await peer.ended();
      // The client is none the worse for it.
      client.write(get('/'));
      const next = await server.next();
      await next.head();
      next.write(ok('well'));
      assert.equal(String((await client.response()).body), 'well');
    });
  }
});

describe('bytes that belong to no response', () => {
  for (const [what, bytes] of [
    ['behind a length', `${ok('hello')}${ok('evil')}`],
    ['behind chunks', `${CHUNKED}${ok('evil')}`],
    ['behind an empty body', `${ok('')}x`],
    ['behind a 204', `HTTP/1.1 204 No Content\r\n\r\n${ok('evil')}`],
  ] as const) {
    test(`${what} close the connection, and reach nobody`, async (t) => {
      const server = await RawServer.listen(t);
      const road = await ProxiedRoad.start(t, [server.url]);
      const client = await road.client();
      client.write(get('/1'));
      const peer = await server.next();
      await peer.head();
      peer.write(bytes);
      await client.response();
      client.write(get('/2'));
      const next = await server.next();
      assert.match(await next.head(), /^GET \/2 /);
      next.write(ok('good'));
      assert.equal(String((await client.response()).body), 'good');
      assert.equal(client.bytes, 0);
    });
  }

  test('on a kept connection close it', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/1'));
    const peer = await server.next();
    await peer.head();
    peer.write(ok('one'));
    await client.response();
    peer.write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    await peer.ended();
    client.write(get('/2'));
    const next = await server.next();
    await next.head();
    next.write(ok('two'));
    assert.equal(String((await client.response()).body), 'two');
  });

  test('behind the head of a response to HEAD do not become its body', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    const peer = await server.next();
    await peer.head();
    peer.write(ok('hello'));
    await client.response('HEAD');
    client.write(get('/2'));
    const next = await server.next();
    await next.head();
    next.write(ok('two'));
    assert.equal(String((await client.response()).body), 'two');
  });
});

describe('a response cut short is seen as cut short', () => {
  for (const [what, bytes] of [
    ['within a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['within chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc'],
    ['before the last chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
    ['within trailers', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-A'],
    [
      'within what is no trailer',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n',
    ],
  ] as const) {
    for (const ending of ['FIN', 'reset'] as const) {
      test(`${what}, by a ${ending}`, async (t) => {
        const server = await RawServer.listen(t);
        const road = await ProxiedRoad.start(t, [server.url]);
        const client = await road.client();
        client.write(get('/'));
        const peer = await server.next();
        await peer.head();
        peer.write(bytes);
        const head = await client.head();
        if (ending === 'FIN') peer.end();
        else peer.socket.resetAndDestroy();
        const rest = await client.rest();
        if (/chunked/.test(head)) assert.doesNotMatch(rest, /(?:^|\r\n)0\r\n/);
        else assert.equal(rest, 'abc');
      });
    }
  }

  test('where it would have ended with the connection, by a reset', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write('HTTP/1.1 200 OK\r\n\r\nabc');
    await client.head();
    await client.read(8);
    peer.socket.resetAndDestroy();
    assert.equal(await client.rest(), '');
  });

  test('where it would have ended with the connection, by a reset that comes with its last bytes', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    // Both are there before this process looks at its sockets again.
    peer.write('HTTP/1.1 200 OK\r\n\r\nabc');
    peer.socket.resetAndDestroy();
    await client.head();
    assert.equal(await client.rest(), '3\r\nabc\r\n');
  });

  test('by a chunk that is none', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n');
    await client.head();
    assert.equal(await client.rest(), '3\r\nabc\r\n');
  });

  test('by silence in its middle', async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url], { http1: { silenceTimeoutMs: 200 } });
    const client = await road.client();
    client.write(get('/'));
    const peer = await server.next();
    await peer.head();
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    await client.head();
    assert.equal(await client.rest(), 'abc');
    await peer.ended();
  });
});

test('an early answer says that the connection will be closed where the server closes its own, and the upload goes on', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  for (const [head, body] of [
    ['HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig', 'big'],
    [
      'HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
      'no',
    ],
    ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', 'x'],
  ] as const) {
    const client = await road.client();
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
    const peer = await server.next();
    await peer.head();
    peer.write(head);
    const response = await client.response();
    assert.match(response.head, /^Connection: close\r$/m);
    assert.equal(String(response.body), body);
    client.write('56789');
    assert.equal(String(await peer.read(10)), '0123456789');
    peer.end();
    assert.equal(await client.rest(), '');
  }
});

test('an early answer of a server that reads on keeps the connection', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url]);
  const client = await road.client();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
  const peer = await server.next();
  await peer.head();
  peer.write(ok('early'));
  assert.doesNotMatch((await client.response()).head, /^Connection:/m);
  client.write(`56789${get('/next')}`);
  await peer.read(10);
  await peer.head();
  peer.write(ok('next'));
  assert.equal(String((await client.response()).body), 'next');
});

for (const [how, times] of [
  ['closes', 1],
  // With bytes unread that is a reset, which meets another state of the upload each time.
  ['resets', 20],
] as const) {
  test(`an early answer to a large upload reaches the client though the server ${how}`, async (t) => {
    const server = await RawServer.listen(t);
    const road = await ProxiedRoad.start(t, [server.url]);
    for (let i = 0; i < times; i++) {
      const client = await road.client();
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 * 1024 * 1024}\r\n\r\n`);
      client.socket.write(Buffer.alloc(8 * 1024 * 1024, 'x'));
      const peer = await server.next();
      await peer.head();
      peer.socket.pause();
      const answer = 'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig';
      if (how === 'closes') peer.socket.end(answer);
      else peer.socket.write(answer, () => peer.socket.destroy());
      const response = await client.response();
      assert.equal(response.status, 413);
      assert.equal(String(response.body), 'big');
      client.socket.destroy();
    }
  });
}

test('with 504 when no head comes within the response time-out', async (t) => {
  const server = await RawServer.listen(t);
  const road = await ProxiedRoad.start(t, [server.url], { responseTimeoutMs: 200 });
  const client = await road.client();
  client.write(post('/', 'x'));
  const peer = await server.next();
  await peer.request();
  assert.equal((await client.response()).status, 504);
  await peer.ended();
  await until('the exchange to be over', () => road.transports[0]!.endpoint.inFlight === 0);
});
