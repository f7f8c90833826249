import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import test, { type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { memoryOf } from '../support/memory.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;

interface Road {
  readonly evener: EvenerProcess;
  readonly url: string;
  readonly client: RawClient;
}

/** The app of `road.cjs` behind one worker, and a client connected to it. */
async function road(t: TestContext, settings: object = {}, ...options: string[]): Promise<Road> {
  const evener = new EvenerProcess(t, ['road.cjs', '-w', '1', ...options, '--', JSON.stringify(settings)]);
  const url = await evener.url(1);
  return { evener, url, client: await RawClient.connect(t, url) };
}

function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

function post(path: string, body: string, fields: string = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

test('answers request after request on one connection', async (t) => {
  const { client } = await road(t);
  for (let i = 0; i < 5; i++) {
    client.write(get(`/target?${i}`));
    const response = await client.response();
    assert.equal(response.status, 200);
    assert.match(response.head, /^Connection: keep-alive\r$/m);
    assert.equal(String(response.body), `/target?${i}`);
  }
});

test('answers pipelined requests in their order, slow ones and bodies among them', async (t) => {
  const { client } = await road(t);
  client.write(get('/late') + get('/target?1') + post('/echo', 'a body') + get('/chunked') + get('/target?2'));
  const bodies: string[] = [];
  for (let i = 0; i < 5; i++) bodies.push(String((await client.response()).body));
  assert.deepEqual(bodies, ['late', '/target?1', 'a body', 'onetwothree', '/target?2']);
});

test('answers what was pipelined before an error, then the error, then closes', async (t) => {
  const { client } = await road(t);
  client.write(`${get('/late')}${get('/target?1')}GET / HTTP/1.1\r\nBad Field: x\r\n\r\n${get('/target?2')}`);
  assert.equal(String((await client.response()).body), 'late');
  assert.equal(String((await client.response()).body), '/target?1');
  const refusal = await client.response();
  assert.equal(refusal.status, 400);
  assert.match(refusal.head, /^Connection: close\r$/m);
  assert.equal(await client.rest(), '');
});

test('gives HEAD, 204 and 304 no body and keeps the connection', async (t) => {
  const { client } = await road(t);
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
  const { client } = await road(t);
  client.write('GET /chunked HTTP/1.0\r\n\r\n');
  const response = await client.response();
  assert.match(response.head, /^Connection: close\r$/m);
  assert.doesNotMatch(response.head, /^Transfer-Encoding:/im);
  assert.equal(String(response.body), 'onetwothree');
});

test('keeps an HTTP/1.0 connection where client and app ask for it', async (t) => {
  const { client } = await road(t);
  for (const at of [1, 2]) {
    client.write(`GET /keep?${at} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`);
    const response = await client.response();
    assert.match(response.head, /^Connection: keep-alive\r$/im);
    assert.equal(String(response.body), 'kept');
  }
});

test('closes when the client asks for it', async (t) => {
  const { client } = await road(t);
  client.write(get('/text', 'Connection: close\r\n'));
  const response = await client.response();
  assert.match(response.head, /^Connection: close\r$/m);
  assert.equal(await client.rest(), '');
});

test('carries chunked bodies in and out', async (t) => {
  const { client } = await road(t);
  client.write('POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write('5;name=value\r\nhello\r\n1\r\n \r\n');
  client.write('0000A\r\n0123456789\r\n0\r\n\r\n');
  const response = await client.response();
  assert.match(response.head, /^Transfer-Encoding: chunked\r$/m);
  assert.equal(String(response.body), 'hello 0123456789');
});

test('sends each write of the app as it comes', async (t) => {
  const { client } = await road(t);
  client.write(get('/chunked'));
  const { chunks } = await client.response();
  assert.equal(chunks[0], 'one');
  assert.equal(chunks.join(''), 'onetwothree');
});

test('carries trailers both ways', async (t) => {
  const { client } = await road(t);
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
  const { client } = await road(t);
  client.write('POST /sum HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
  const go = await client.response();
  assert.equal(go.status, 100);
  client.write('data');
  const { bytes } = JSON.parse(String((await client.response()).body)) as { bytes: number };
  assert.equal(bytes, 4);
});

test('lets a checkContinue listener accept and refuse', async (t) => {
  const { client, url } = await road(t, { listen: ['checkContinue'] });
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
  const { client } = await road(t);
  client.write('POST /sum HTTP/1.1\r\nHost: a\r\nExpect: a-pony\r\nContent-Length: 4\r\n\r\ndata');
  assert.equal((await client.response()).status, 417);
});

test('passes early hints on before the response', async (t) => {
  const { client } = await road(t);
  client.write(get('/early-hints'));
  const hints = await client.response();
  assert.equal(hints.status, 103);
  assert.match(hints.head, /^Link: <\/style\.css>; rel=preload; as=style\r$/im);
  const response = await client.response();
  assert.equal(response.status, 200);
  assert.equal(String(response.body), 'hinted');
});

const long = 'x'.repeat(20_000);
for (const [what, status, bytes] of [
  ['a field name with a space', 400, 'GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n'],
  ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', 400, 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  [
    'a length beside chunks',
    400,
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['a folded field', 400, 'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n'],
  ['TLS on a plain port', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a chunk size that is none', 400, 'POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  [
    'a chunk longer than its size',
    400,
    'POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n',
  ],
  [
    'chunk extensions without end',
    413,
    `POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${long}${long}`,
  ],
  ['a target without end', 414, `GET /${long}`],
  ['a field without end', 431, `GET / HTTP/1.1\r\nHost: a\r\nA: ${long}`],
  ['more fields than any request has', 431, `GET / HTTP/1.1\r\nHost: a\r\n${'A:b\r\n'.repeat(2500)}\r\n`],
  ['a method that Node does not know', 501, 'FROB / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a coding beside chunked', 501, 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
  ['HTTP/2 in clear', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/1.2', 505, 'GET / HTTP/1.2\r\nHost: a\r\n\r\n'],
] as const) {
  test(`answers ${what} with ${status} and closes`, async (t) => {
    const { client, url } = await road(t);
    client.write(bytes);
    const response = await client.response();
    assert.equal(response.status, status);
    assert.match(response.head, /^Connection: close\r$/m);
    assert.match(response.head, /^Content-Type: text\/plain/m);
    assert.match(String(response.body), new RegExp(`^${status} `));
    assert.equal(await client.rest(), '');
    assert.equal((await request(`${url}/text`)).body, 'hello');
  });
}

test('answers a head that does not arrive within the app’s headersTimeout with 408', async (t) => {
  const { client } = await road(t, { headersTimeout: 300, requestTimeout: 600 });
  client.write('GET / HTTP/1.1\r\nHost:');
  const response = await client.response();
  assert.equal(response.status, 408);
  assert.equal(await client.rest(), '');
});

test('answers a head that does not arrive within --header-timeout with 408', async (t) => {
  const { client } = await road(t, {}, '--header-timeout', '300ms');
  client.write('GET / HTTP/1.1\r\nHost:');
  assert.equal((await client.response()).status, 408);
});

test('answers a body that does not arrive within the app’s requestTimeout with 408', async (t) => {
  const { client } = await road(t, { headersTimeout: 300, requestTimeout: 600 });
  client.write('POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
  const response = await client.response();
  assert.equal(response.status, 408);
  assert.equal(await client.rest(), '');
});

test('answers with 504 when the app has not begun to within --response-timeout', async (t) => {
  const { client } = await road(t, {}, '--response-timeout', '300ms');
  client.write(get('/never'));
  assert.equal((await client.response()).status, 504);
  client.write(get('/text'));
  assert.equal(String((await client.response()).body), 'hello');
});

test('closes a connection that is idle for longer than the app’s keepAliveTimeout', async (t) => {
  const { client } = await road(t, { keepAliveTimeout: 200, keepAliveTimeoutBuffer: 100 });
  client.write(get('/text'));
  await client.response();
  assert.equal(await client.rest(), '');
});

test('explains an error as JSON to a client that accepts JSON', async (t) => {
  const { client } = await road(t, {}, '--response-timeout', '300ms');
  client.write(get('/never', 'Accept: application/json\r\n'));
  const response = await client.response();
  assert.match(response.head, /^Content-Type: application\/json\r$/m);
  const { status, code } = JSON.parse(String(response.body)) as Record<string, unknown>;
  assert.deepEqual({ status, code }, { status: 504, code: 'EVENER_ENDPOINT_HEAD_TIMEOUT' });
});

test('gives no body to an error that answers HEAD', async (t) => {
  const { client } = await road(t, {}, '--response-timeout', '300ms');
  client.write('HEAD /never HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await client.response('HEAD')).status, 504);
  client.write(get('/text'));
  assert.equal(String((await client.response()).body), 'hello');
});

const splitRequests = {
  'with fields': get('/head', 'X-One: 1\r\nx-two:  two words \r\nX-One: again\r\n'),
  'with a length': post('/echo', 'seven b', 'X-A: b\r\n'),
  'in chunks with trailers':
    'POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX-T: v\r\n\r\n',
};
test('reads a request that comes in two pieces, whatever the cut', async (t) => {
  const { client, url } = await road(t);
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
  const { client, url } = await road(t);
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
  const { client } = await road(t);
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
  const { evener, client, url } = await road(t);
  await request(`${url}/text`);
  const before = memoryOf(evener.pid).now;
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
  const grown = memoryOf(evener.pid).now - before;
  assert.ok(grown < 16 * MIB, `the balancer has grown by ${grown} bytes`);
  assert.equal((await request(`${url}/text`)).body, 'hello');
  client.socket.destroy();
});

test('tells the app of a client that leaves in the middle of a response', async (t) => {
  const { evener, client } = await road(t);
  client.write(get('/flood?tell=flood'));
  await client.read(100_000);
  client.socket.destroy();
  const order = await told(evener, 'flood');
  assert.deepEqual(
    order.filter((event) => event.startsWith('response')),
    ['response close'],
  );
  assert.ok(order.includes('request close'));
});

test('tells the app of a client that leaves in the middle of an upload', async (t) => {
  const { evener, client } = await road(t);
  client.write('POST /never?tell=upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc');
  await until('the handler to run', () => evener.stdout.includes('upload begun'));
  client.socket.resetAndDestroy();
  const order = await told(evener, 'upload');
  assert.ok(order.includes('request aborted'), String(order));
  assert.ok(order.includes('response close'), String(order));
  assert.ok(!order.includes('request end'), String(order));
});

test('tells the app of a client that leaves before an answer', async (t) => {
  const { evener, client } = await road(t);
  client.write(get('/never?tell=never'));
  await until('the handler to run', () => evener.stdout.includes('never begun'));
  client.socket.destroy();
  assert.ok((await told(evener, 'never')).includes('response close'));
});

test('answers a client that has finished sending', async (t) => {
  const { client } = await road(t);
  client.write(get('/text'));
  client.end();
  assert.equal(String((await client.response()).body), 'hello');
  assert.equal(await client.rest(), '');
});

test('tells the app soon of a client that has finished sending and may be gone', async (t) => {
  const { evener, client } = await road(t);
  client.write(get('/never?tell=half'));
  client.end();
  assert.ok((await told(evener, 'half')).includes('response close'));
  await client.ended();
});

test('gives a malformed request to a clientError listener', async (t) => {
  const { client } = await road(t, { listen: ['clientError'] });
  client.write('GET / HTTP/1.1\r\nBad Field: x\r\n\r\n');
  const response = await client.response();
  assert.equal(response.status, 400);
  assert.match(response.head, /^X-Code: HPE_INVALID_HEADER_TOKEN\r$/m);
});

/** The order of events that the app saw on a request and its response. */
async function told(evener: EvenerProcess, name: string): Promise<string[]> {
  const pattern = new RegExp(`^${name} (\\[.*\\])$`, 'm');
  const match = await until(`the app to tell of ${name}`, () => pattern.exec(evener.stdout));
  return JSON.parse(match[1]!) as string[];
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
