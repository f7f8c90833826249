import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient, type RawResponse } from '../support/raw-client.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';

/** What `rogue.cjs` is to answer with. */
interface Answer {
  readonly interim?: string;
  readonly times?: string;
  readonly head?: string;
  readonly chunked?: string;
  readonly write?: string;
  readonly length?: string;
  readonly end?: string;
  readonly trailer?: string;
  readonly after?: string;
  readonly destroyed?: string;
}

/** Where `rogue.cjs` is behind one worker. */
const started = startedOnce((cleanup) => new EvenerProcess(cleanup, ['rogue.cjs', '-w', '1']).url(1));

function asking(answer: Answer, method: string = 'GET', version: string = '1.1', fields: string = ''): string {
  const query = new URLSearchParams(answer as Record<string, string>).toString();
  return `${method} /?${query} HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;
}

const FINE = 'GET /fine HTTP/1.1\r\nHost: a\r\n\r\n';

/** The connection serves the next request, and nothing lies before its answer. */
async function assertServes(client: RawClient): Promise<void> {
  assert.equal(client.bytes, 0);
  client.write(FINE);
  assert.equal(String((await client.response()).body), 'fine');
}

function ok(...fields: string[]): string {
  return `${['HTTP/1.1 200 OK', ...fields].join('\r\n')}\r\n\r\n`;
}

/** Heads that no client may see, RFC 9112 sections 2 to 6. */
const BAD_HEADS: readonly (readonly [what: string, head: string])[] = [
  ['nonsense before its status line', `nonsense\r\n${ok('Content-Length: 1')}`],
  ['an empty line before its status line', `\r\n${ok('Content-Length: 1')}`],
  ['a request for a head', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 1\r\n\r\n'],
  ['a status of letters', 'HTTP/1.1 OK 200\r\nContent-Length: 1\r\n\r\n'],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\n'],
  ['a bare LF in its head', 'HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n'],
  ['a bare CR in a reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 1\r\n\r\n'],
  ['a bare CR in a value', ok('Content-Length: 1', 'A: b\rSet-Cookie: c')],
  ['a bare LF in a value', ok('Content-Length: 1', 'A: b\nSet-Cookie: c')],
  ['a NUL in a value', ok('Content-Length: 1', 'A: b\0c')],
  ['obs-fold', ok('Content-Length: 1', 'A: b', ' c')],
  ['a space before a colon', ok('Content-Length : 1')],
  ['a name that is no token', ok('Content-Length: 1', 'A(b): c')],
  ['an empty name', ok('Content-Length: 1', ': c')],
  ['a field without a colon', ok('Content-Length: 1', 'A')],
  ['a length with a sign', ok('Content-Length: +1')],
  ['a length that overflows', ok('Content-Length: 18446744073709551617')],
  ['two lengths', ok('Content-Length: 1', 'Content-Length: 2')],
  ['two equal lengths', ok('Content-Length: 1', 'Content-Length: 1')],
  ['a length and a coding', ok('Content-Length: 1', 'Transfer-Encoding: chunked')],
  ['a coding that is not chunked', ok('Transfer-Encoding: gzip')],
  ['chunked twice', ok('Transfer-Encoding: chunked, chunked')],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a 1xx for a response', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ['101 for a request that asked for no upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
];

test('gives 502 for a response head that is not one', async (t) => {
  const url = await started();
  for (const [what, head] of BAD_HEADS) {
    await t.test(`gives 502 for ${what}`, async (t) => {
      const client = await RawClient.connect(t, url);
      client.write(asking({ head, end: 'x' }));
      const response = await client.response();
      assert.equal(response.status, 502);
      assert.match(String(response.body), /the response breaks RFC 9112/);
      await assertServes(client);
    });
  }
});

test('gives 502 for a body that is not as long as declared, while nothing was sent', async (t) => {
  const client = await RawClient.connect(t, await started());
  for (const end of ['too short', 'much too long']) {
    client.write(asking({ head: ok('Content-Length: 10'), end }));
    assert.equal((await client.response()).status, 502);
  }
  await assertServes(client);
});

/** All that a client gets of a body that is begun, and goes on when its beginning is there. */
async function goneOn(t: TestContext, length: string): Promise<string> {
  const url = await started();
  const client = await RawClient.connect(t, url);
  const head = ok(length);
  client.write(asking({ head, write: '12345', end: '678' }).replace('/?', '/held?') + FINE);
  const begun = await client.read(head.length + 5);
  await request(`${url}/release`);
  return begun.toString('latin1') + (await client.rest());
}

test('cuts the connection where a body turns out shorter than declared', async (t) => {
  assert.equal(await goneOn(t, 'Content-Length: 10'), `${ok('Content-Length: 10')}12345678`);
});

test('cuts the connection where a body turns out longer than declared', async (t) => {
  assert.equal(await goneOn(t, 'Content-Length: 6'), `${ok('Content-Length: 6')}12345`);
});

const BAD_TRAILERS: readonly (readonly [what: string, lines: string])[] = [
  ['a response', 'A: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n'],
  ['a bare LF', 'A: b\nB: c\r\n'],
  ['a name that is no token', 'A b: c\r\n'],
  ['a line without an end', 'A: b'],
  ['a length', 'Content-Length: 5\r\n'],
];

test('cuts the connection instead of sending trailers that are none', async (t) => {
  const url = await started();
  for (const [what, trailer] of BAD_TRAILERS) {
    await t.test(`cuts the connection instead of sending trailers with ${what}`, async (t) => {
      const client = await RawClient.connect(t, url);
      client.write(asking({ chunked: '', write: 'body', trailer }) + FINE);
      const all = await client.rest();
      assert.match(all, /^HTTP\/1\.1 200 OK\r\n/);
      assert.ok(all.endsWith('\r\n\r\n4\r\nbody\r\n'), all);
    });
  }
});

test('passes trailers that are ones', async (t) => {
  const client = await RawClient.connect(t, await started());
  client.write(asking({ chunked: '', write: 'body', trailer: 'A: \xe9\r\nX-Host:\r\n' }));
  assert.equal((await client.response()).trailers, 'A: \xe9\r\nX-Host:\r\n');
  await assertServes(client);
});

test('sends nothing that follows a finished response', async (t) => {
  const client = await RawClient.connect(t, await started());
  const after = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nplant!';
  for (const head of [ok('Content-Length: 4'), ok('Transfer-Encoding: chunked')]) {
    client.write(asking({ head, end: 'done', after }) + FINE);
    assert.equal(String((await client.response()).body), 'done');
    assert.equal(String((await client.response()).body), 'fine');
  }
  await assertServes(client);
});

test('gives no body to HEAD, 204 and 304, whatever the app writes', async (t) => {
  const url = await started();
  for (const [method, head] of [
    ['HEAD', ok('Content-Length: 4')],
    ['HEAD', ok('Transfer-Encoding: chunked')],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n'],
  ] as const) {
    const client = await RawClient.connect(t, url);
    client.write(asking({ head, end: 'body' }, method));
    const { status } = await client.response(method);
    // Node itself leaves the body of a response to HEAD out.
    if (method === 'HEAD') assert.equal(status, 200);
    else if (status === 502) continue;
    await assertServes(client);
  }
});

test('takes a length off 204', async (t) => {
  const client = await RawClient.connect(t, await started());
  for (const field of ['Content-Length: 0', 'Transfer-Encoding: chunked']) {
    client.write(asking({ head: `HTTP/1.1 204 No Content\r\nA: b\r\n${field}\r\nC: d\r\n\r\n` }));
    assert.equal((await client.response()).head, 'HTTP/1.1 204 No Content\r\nA: b\r\nC: d\r\n\r\n');
  }
  await assertServes(client);
});

test('takes chunks off for an HTTP/1.0 client, and closes', async (t) => {
  const url = await started();
  for (const fields of ['', 'Connection: keep-alive\r\n']) {
    const client = await RawClient.connect(t, url);
    client.write(asking({ chunked: '', write: 'one, ', end: 'two', trailer: 'A: b\r\n' }, 'GET', '1.0', fields));
    const { head, body } = await client.response();
    assert.doesNotMatch(head, /^(?:transfer-encoding|trailer):/im);
    assert.match(head, /^Connection: close\r$/m);
    assert.equal(String(body), 'one, two');
    assert.equal(client.error, null);
  }
});

test('resets an HTTP/1.0 client where a body without a length is cut short', async (t) => {
  const url = await started();
  const client = await RawClient.connect(t, url);
  client.write(asking({ chunked: '', write: 'one', trailer: 'bad' }, 'GET', '1.0').replace('/?', '/held?'));
  // A reset that comes together with data looks like an end to Node.
  await until('the data to be read', () => client.socket.bytesRead > 0 && client.bytes > 3);
  await request(`${url}/release`);
  await client.rest();
  assert.equal(client.error?.code, 'ECONNRESET');
});

/** Its second answer is cut short while the first is still to be read, and something is still sent. */
async function cutBehindAnother(t: TestContext, how: Answer): Promise<void> {
  const url = await started();
  const client = await RawClient.connect(t, url);
  client.socket.pause();
  const length = 900_000;
  client.write(asking({ head: ok(`Content-Length: ${length}`), write: 'first', length: String(length) }));
  client.write(asking({ head: ok('Content-Length: 9'), write: 'cut', ...how }).replace('/?', '/held?'));
  client.write('POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n');
  client.write(Buffer.alloc(9_000_000));
  await until('the second to have begun', async () => (await request(`${url}/holds`)).body === '1');
  await request(`${url}/release`);
  client.socket.resume();
  assert.equal((await client.response()).body.length, length);
  assert.match(await client.rest(), /\r\n\r\ncut$/);
}

test('takes no answer back from a client that still sends where the one behind it is cut short', (t) =>
  cutBehindAnother(t, {}));

test('takes no answer back from a client that still sends where the app destroys the connection behind it', (t) =>
  cutBehindAnother(t, { destroyed: '' }));

test('gives 502 to an HTTP/1.0 client for a coding that cannot be taken off', async (t) => {
  const client = await RawClient.connect(t, await started());
  client.write(asking({ head: ok('Transfer-Encoding: gzip, chunked'), write: 'x' }, 'GET', '1.0'));
  assert.equal((await client.response()).status, 502);
});

test('passes 1xx heads in order, and none of them to HTTP/1.0', async (t) => {
  const client = await RawClient.connect(t, await started());
  const interim = 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n';
  const [first, second] = interim.split(/(?<=\r\n\r\n)/);
  for (const head of [first!, second!]) {
    client.write(asking({ interim: head, head: ok('Content-Length: 1'), end: 'x' }));
    assert.equal((await client.response()).head, head);
    assert.equal(String((await client.response()).body), 'x');
  }
  client.write(asking({ interim: first!, head: ok('Content-Length: 1'), end: 'x' }, 'GET', '1.0'));
  assert.equal((await client.response()).status, 200);
});

test('gives 502 for a 1xx head that is not one', async (t) => {
  const url = await started();
  for (const interim of [
    'HTTP/1.1 102 Processing\nA: b\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nA: b\0\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 1 2\r\n\r\n',
  ]) {
    const client = await RawClient.connect(t, url);
    client.write(asking({ interim, head: ok('Content-Length: 1'), end: 'x' }));
    assert.equal((await client.response()).status, 502, interim);
    await assertServes(client);
  }
});

test('gives 502 for 1xx heads without end', async (t) => {
  const url = await started();
  const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
  for (const [times, final] of [
    ['1000', 200],
    ['1001', 502],
  ] as const) {
    const client = await RawClient.connect(t, url);
    client.write(asking({ interim, times, head: ok('Content-Length: 1'), end: 'x' }));
    let response: RawResponse;
    let interims = 0;
    do {
      response = await client.response();
      interims++;
    } while (response.status === 102);
    assert.deepEqual([response.status, interims - 1], [final, 1000]);
  }
  const large = await RawClient.connect(t, url);
  const hints = `HTTP/1.1 103 Early Hints\r\nLink: <${'x'.repeat(15_000)}>\r\n\r\n`;
  large.write(asking({ interim: hints, times: '30', head: ok('Content-Length: 1') }));
  let response = await large.response();
  while (response.status === 103) response = await large.response();
  assert.equal(response.status, 502);
});
