import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { request } from '../../support/evener-process.ts';
import { memoryOf } from '../../support/memory.ts';
import { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const MIB = 1024 * 1024;

/** The app of `road.cjs` behind Evener, and a client connected to that. */
export interface Road {
  readonly url: string;
  readonly client: RawClient;
  readonly balancerPid: number;
  /** What the app has written. */
  readonly stdout: () => string;
}

export function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

export function post(path: string, body: string, fields: string = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

/** What every transport carries alike, on the real command from a client's bytes to an app's handlers and back. */
export function roadTests(start: (t: TestContext, settings?: object) => Promise<Road>): void {
  test('answers request after request on one connection', async (t) => {
    const { client } = await start(t);
    for (let i = 0; i < 5; i++) {
      client.write(get(`/target?${i}`));
      const response = await client.response();
      assert.equal(response.status, 200);
      assert.equal(String(response.body), `/target?${i}`);
    }
  });

  test('answers pipelined requests in their order, slow ones and bodies among them', async (t) => {
    const { client } = await start(t);
    client.write(get('/late') + get('/target?1') + post('/echo', 'a body') + get('/chunked') + get('/target?2'));
    const bodies: string[] = [];
    for (let i = 0; i < 5; i++) bodies.push(String((await client.response()).body));
    assert.deepEqual(bodies, ['late', '/target?1', 'a body', 'onetwothree', '/target?2']);
  });

  test('gives HEAD, 204 and 304 no body and keeps the connection', async (t) => {
    const { client } = await start(t);
    client.write('HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n');
    const head = await client.response('HEAD');
    assert.equal(head.status, 200);
    client.write('HEAD /chunked HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal((await client.response('HEAD')).status, 200);
    client.write(get('/no-content'));
    const none = await client.response();
    assert.equal(none.status, 204);
    assert.match(none.head, /^X-Note: empty\r$/m);
    assert.doesNotMatch(none.head, /^(?:content-length|transfer-encoding):/im);
    client.write(get('/not-modified'));
    const same = await client.response();
    assert.equal(same.status, 304);
    assert.match(same.head, /^ETag: "1"\r$/m);
    client.write(get('/text'));
    assert.equal(String((await client.response()).body), 'hello');
    assert.equal(client.bytes, 0);
  });

  test('closes after an HTTP/1.0 request', async (t) => {
    const { client } = await start(t);
    client.write('GET /chunked HTTP/1.0\r\n\r\n');
    const response = await client.response();
    assert.match(response.head, /^Connection: close\r$/m);
    assert.doesNotMatch(response.head, /^Transfer-Encoding:/im);
    assert.equal(String(response.body), 'onetwothree');
  });

  test('keeps an HTTP/1.0 connection where client and app ask for it', async (t) => {
    const { client } = await start(t);
    for (const at of [1, 2]) {
      client.write(`GET /keep?${at} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
      const response = await client.response();
      assert.match(response.head, /^Connection: keep-alive\r$/im);
      assert.equal(String(response.body), 'kept');
    }
  });

  test('closes when the client asks for it', async (t) => {
    const { client } = await start(t);
    client.write(get('/text', 'Connection: close\r\n'));
    const response = await client.response();
    assert.match(response.head, /^Connection: close\r$/m);
    assert.equal(await client.rest(), '');
  });

  test('carries chunked bodies in and out', async (t) => {
    const { client } = await start(t);
    client.write('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.write('5;name=value\r\nhello\r\n1\r\n \r\n');
    client.write('0000A\r\n0123456789\r\n0\r\n\r\n');
    const response = await client.response();
    assert.match(response.head, /^Transfer-Encoding: chunked\r$/m);
    assert.equal(String(response.body), 'hello 0123456789');
  });

  test('sends each write of the app as it comes', async (t) => {
    const { client } = await start(t);
    client.write(get('/chunked'));
    const { chunks } = await client.response();
    assert.equal(chunks[0], 'one');
    assert.equal(chunks.join(''), 'onetwothree');
  });

  test('carries trailers both ways', async (t) => {
    const { client } = await start(t);
    client.write('POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n');
    client.write('3\r\nabc\r\n0\r\nX-Sum: 3\r\nx-More:  a b \r\n\r\n');
    const { trailers, rawTrailers } = JSON.parse(String((await client.response()).body)) as Record<string, unknown>;
    assert.deepEqual(trailers, { 'x-sum': '3', 'x-more': 'a b' });
    assert.deepEqual(rawTrailers, ['X-Sum', '3', 'x-More', 'a b']);
    client.write(get('/trailers'));
    const response = await client.response();
    assert.equal(String(response.body), 'body');
    assert.equal(response.trailers, 'X-Sum: 4\r\nX-More: yes\r\n');
  });

  test('asks a client that expects it to continue', async (t) => {
    const { client } = await start(t);
    client.write('POST /sum HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const go = await client.response();
    assert.equal(go.status, 100);
    client.write('data');
    const { bytes } = JSON.parse(String((await client.response()).body)) as { bytes: number };
    assert.equal(bytes, 4);
  });

  test('lets a checkContinue listener accept and refuse', async (t) => {
    const { client, url } = await start(t, { listen: ['checkContinue'] });
    client.write('POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    assert.equal((await client.response()).status, 100);
    client.write('data');
    const accepted = await client.response();
    assert.match(accepted.head, /^X-Checked: yes\r$/m);
    assert.equal((JSON.parse(String(accepted.body)) as { bytes: number }).bytes, 4);

    const refused = await RawClient.connect(t, url);
    refused.write('POST /x HTTP/1.1\r\nHost: a\r\nX-Refuse: 1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    const response = await refused.response();
    assert.equal(response.status, 417);
    assert.equal(String(response.body), 'refused');
  });

  test('answers an expectation that nobody knows with 417', async (t) => {
    const { client } = await start(t);
    client.write('POST /sum HTTP/1.1\r\nHost: a\r\nExpect: a-pony\r\nContent-Length: 4\r\n\r\ndata');
    assert.equal((await client.response()).status, 417);
  });

  test('passes early hints on before the response', async (t) => {
    const { client } = await start(t);
    client.write(get('/early-hints'));
    const hints = await client.response();
    assert.equal(hints.status, 103);
    assert.match(hints.head, /^Link: <\/style\.css>; rel=preload; as=style\r$/im);
    const response = await client.response();
    assert.equal(response.status, 200);
    assert.equal(String(response.body), 'hinted');
  });

  const splitRequests = {
    'with fields': get('/head', 'X-One: 1\r\nx-two:  two words \r\nX-One: again\r\n'),
    'with a length': post('/echo', 'seven b', 'X-A: b\r\n'),
    'in chunks with trailers':
      'POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX-T: v\r\n\r\n',
  };

  test('reads a request that comes in two pieces, whatever the cut', async (t) => {
    const { client, url } = await start(t);
    for (const text of Object.values(splitRequests)) {
      client.write(text);
      const whole = await client.response();
      await Promise.all(
        Array.from({ length: text.length - 1 }, async (_, i) => {
          const split = await RawClient.connect(t, url);
          split.write(text.slice(0, i + 1));
          // What the first piece could bring about goes before the second: an answer of the app on another connection.
          await request(`${url}/text`);
          split.write(text.slice(i + 1));
          assert.equal(String((await split.response()).body), String(whole.body), `cut at ${i + 1}`);
          split.socket.destroy();
        }),
      );
    }
  });

  test('reads requests that come byte by byte', async (t) => {
    const { client, url } = await start(t);
    const slow = await RawClient.connect(t, url);
    for (const text of Object.values(splitRequests)) {
      client.write(text);
      const whole = await client.response();
      for (const byte of text) {
        slow.write(byte);
        await turn();
      }
      assert.equal(String((await slow.response()).body), String(whole.body));
    }
  });

  test('echoes a body of 2 MiB, byte for byte', async (t) => {
    const { client } = await start(t);
    const body = randomBytes(2 * MIB);
    for (const fields of [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked']) {
      client.write(`POST /echo HTTP/1.1\r\nHost: a\r\n${fields}\r\n\r\n`);
      if (fields.startsWith('C')) {
        client.write(body);
      } else {
        for (let at = 0; at < body.length; at += 10_000) {
          const piece = body.subarray(at, at + 10_000);
          client.write(`${piece.length.toString(16)}\r\n`);
          client.write(piece);
          client.write('\r\n');
        }
        client.write('0\r\n\r\n');
      }
      const echoed = (await client.response()).body;
      assert.equal(echoed.length, body.length);
      assert.equal(sha256(echoed), sha256(body));
    }
  });

  test('holds only a window of a response that its client does not read, and serves others', async (t) => {
    const { balancerPid, client, url } = await start(t, {});
    await request(`${url}/text`);
    const before = memoryOf(balancerPid).now;
    client.socket.pause();
    client.write(get('/flood'));
    let last = -1;
    const written = await until('the app to be held back', async () => {
      const now = Number((await request(`${url}/flood/written`)).body);
      const isHeld = now > 0 && now === last;
      last = now;
      await request(`${url}/late`);
      return isHeld ? now : null;
    });
    // Send and receive buffers of the kernel hold most of it.
    assert.ok(written < 16 * MIB, `the app could write ${written} bytes`);
    const grown = memoryOf(balancerPid).now - before;
    assert.ok(grown < 16 * MIB, `the balancer has grown by ${grown} bytes`);
    assert.equal((await request(`${url}/text`)).body, 'hello');
    client.socket.destroy();
  });

  test('tells the app of a client that leaves in the middle of a response', async (t) => {
    const { stdout, client } = await start(t);
    client.write(get('/flood?tell=flood'));
    await client.read(100_000);
    client.socket.destroy();
    const order = await told(stdout, 'flood');
    assert.deepEqual(
      order.filter((event) => event.startsWith('response')),
      ['response close'],
    );
    assert.ok(order.includes('request close'));
  });

  test('tells the app of a client that leaves in the middle of an upload', async (t) => {
    const { stdout, client } = await start(t);
    client.write('POST /never?tell=upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
    await until('the handler to run', () => stdout().includes('upload begun'));
    client.socket.resetAndDestroy();
    const order = await told(stdout, 'upload');
    assert.ok(order.includes('request aborted'), String(order));
    assert.ok(order.includes('response close'), String(order));
    assert.ok(!order.includes('request end'), String(order));
  });

  test('tells the app of a client that leaves before an answer', async (t) => {
    const { stdout, client } = await start(t);
    client.write(get('/never?tell=never'));
    await until('the handler to run', () => stdout().includes('never begun'));
    client.socket.destroy();
    assert.ok((await told(stdout, 'never')).includes('response close'));
  });

  test('answers a client that has finished sending', async (t) => {
    const { client } = await start(t);
    client.write(get('/text'));
    client.end();
    assert.equal(String((await client.response()).body), 'hello');
    assert.equal(await client.rest(), '');
  });

  test('tells the app soon of a client that has finished sending and may be gone', async (t) => {
    const { stdout, client } = await start(t);
    client.write(get('/never?tell=half'));
    client.end();
    assert.ok((await told(stdout, 'half')).includes('response close'));
    await client.ended();
  });

  test('tells it as soon of one that has finished sending within a response which has rested', async (t) => {
    const { url, stdout } = await start(t);
    const clients = await Promise.all(Array.from({ length: 5 }, () => RawClient.connect(t, url)));
    for (const [i, client] of clients.entries()) client.write(get(`/begun?tell=stream-${i}`));
    await until('all to begin', () => clients.every(({ bytes }) => bytes > 0));
    await sleep(2_000);
    let soonest = Number.POSITIVE_INFINITY;
    for (const [i, client] of clients.entries()) {
      const since = performance.now();
      client.end();
      assert.ok((await told(stdout, `stream-${i}`)).includes('response close'));
      // A busy machine may hold up some, not all.
      soonest = Math.min(soonest, performance.now() - since);
    }
    assert.ok(soonest < 800, `at the soonest after ${soonest} ms`);
  });

  test('goes on with a stream for one that has finished sending', async (t) => {
    const { client } = await start(t);
    client.write(get('/ticks'));
    client.end();
    assert.equal(String((await client.response()).body), 'tick'.repeat(16));
    assert.equal(client.error, null);
  });
}

/** The order of events that the app saw on a request and its response. */
async function told(stdout: () => string, name: string): Promise<string[]> {
  const pattern = new RegExp(`^${name} (\\[.*\\])$`, 'm');
  const match = await until(`the app to tell of ${name}`, () => pattern.exec(stdout()));
  return JSON.parse(match[1]!) as string[];
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
