import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnceEach } from '../support/started-once.ts';
import { get, type Road, roadTests } from './support/road-suite.ts';

const started = startedOnceEach(async (cleanup, settings: object | null, options: readonly string[]) => {
  const args = ['road.cjs', '-w', '1', ...options, '--', JSON.stringify(settings ?? {})];
  const evener = new EvenerProcess(cleanup, args);
  return { evener, url: await evener.url(1) };
});

/** The app of `road.cjs` behind one worker, and a client connected to it. One serves all tests that ask for the same. */
async function road(t: TestContext, settings: object | null = null, ...options: string[]): Promise<Road> {
  const { evener, url } = await started(settings, options);
  const since = evener.stdout.length;
  return {
    url,
    client: await RawClient.connect(t, url),
    balancerPid: evener.pid,
    stdout: () => evener.stdout.slice(since),
  };
}

roadTests(road);

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
  const { client } = await road(t, {}, '--response-timeout', '2s');
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
  const { client } = await road(t, {}, '--response-timeout', '2s');
  client.write(get('/never', 'Accept: application/json\r\n'));
  const response = await client.response();
  assert.match(response.head, /^Content-Type: application\/json\r$/m);
  const { status, code } = JSON.parse(String(response.body)) as Record<string, unknown>;
  assert.deepEqual({ status, code }, { status: 504, code: 'EVENER_ENDPOINT_HEAD_TIMEOUT' });
});

test('gives no body to an error that answers HEAD', async (t) => {
  const { client } = await road(t, {}, '--response-timeout', '2s');
  client.write('HEAD /never HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await client.response('HEAD')).status, 504);
  client.write(get('/text'));
  assert.equal(String((await client.response()).body), 'hello');
});

test('gives a malformed request to a clientError listener', async (t) => {
  const { client } = await road(t, { listen: ['clientError'] });
  client.write('GET / HTTP/1.1\r\nBad Field: x\r\n\r\n');
  const response = await client.response();
  assert.equal(response.status, 400);
  assert.match(response.head, /^X-Code: HPE_INVALID_HEADER_TOKEN\r$/m);
});
