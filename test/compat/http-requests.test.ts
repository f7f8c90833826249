import { createHash } from 'node:crypto';
import { RawClient, type RawResponse } from '../support/raw-client.ts';
import { sameAsNodeIn, type TellingApp } from './support/both.ts';

const sameAsApp = sameAsNodeIn('requests.cjs');

const GET = (path: string, fields: string = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

const post = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`;

/** What is told of the sockets' ends depends on the run; whether it is right does not. */
async function facts(app: TellingApp, client: RawClient, bytes: string): Promise<unknown> {
  const port = Number(new URL(await app.url()).port);
  // After a response that closes the connection it has none any more.
  const ownPort = client.socket.localPort;
  const index = app.all('facts').length;
  client.write(bytes);
  const body = String((await client.response()).body);
  const { remotePort, localPort, address, ...rest } = await app.told<Record<string, unknown>>('facts', index);
  const known = address as { port?: number };
  return {
    ...rest,
    body,
    isRemotePort: remotePort === ownPort,
    isLocalPort: localPort === port,
    address: { ...known, port: known.port === port },
  };
}

sameAsApp('the facts of a request', async (app) => {
  const client = await RawClient.connect(app.test, await app.url());
  const seen: unknown[] = [];
  for (const bytes of [
    GET('/facts'),
    GET(
      '/facts/?a=b&%C3%BC',
      'X-Odd:  two  words \t\r\nx-odd: again\r\nX-Empty:\r\nCookie: a=1\r\nCookie: b=2\r\nSet-Cookie: c=3\r\nSet-Cookie: d=4\r\n' +
        'Accept: a\r\nAccept: b\r\nUser-Agent: one\r\nUser-Agent: two\r\nX-Latin: Gr\xfc\xdfe\r\nRange: x\r\nRANGE: y\r\n',
    ),
    'GET http://other.example/facts HTTP/1.1\r\nHost: a\r\n\r\n'.replace('http://other.example', ''),
    'POST /facts HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody',
    'PUT /facts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n4\r\nbody\r\n0\r\nX-T: 1\r\nx-t: 2\r\nX-U:  v \r\n\r\n',
    'DELETE /facts HTTP/1.1\r\nHost: a\r\n\r\n',
    'M-SEARCH /facts HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /facts HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  ]) {
    seen.push(await facts(app, client, bytes));
  }
  return seen;
});

sameAsApp('whose the memory of a body is', async (app) => {
  const client = await RawClient.connect(app.test, await app.url());
  const seen: unknown[] = [];
  for (const length of [1, 3000, 10_000, 60_000, 700_000]) {
    client.write(`POST /memory HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`);
    seen.push(String((await client.response()).body));
  }
  return seen;
});

/** A response without its date, which is the clock's, and its chunks, which depend on how it was cut on its way. */
function comparable(response: RawResponse): unknown {
  const { body, trailers } = response;
  const head = response.head.replace(/^Date: \w{3}, .*GMT(?=\r$)/m, 'Date: now');
  if (body.length <= 100) return { head, body: body.toString('latin1'), trailers };
  return { head, length: body.length, sha256: createHash('sha256').update(body).digest('hex'), trailers };
}

/** One response, or several where there are interim ones, and whether the connection is closed after it. */
async function exchange(app: TellingApp, bytes: string): Promise<unknown> {
  const method = /^\w+/.exec(bytes)![0];
  const client = await RawClient.connect(app.test, await app.url());
  client.write(bytes);
  const seen: unknown[] = [];
  for (;;) {
    const response = await client.response(method);
    seen.push(comparable(response));
    if (response.status >= 200) break;
  }
  // A connection that is kept answers another request.
  client.write(GET('/other', 'Connection: close\r\n'));
  const after = await client.rest();
  client.socket.destroy();
  return { seen, isKept: after.includes('other'), isAlone: after === '' };
}

const BYTES = [
  'plain',
  'no-body',
  'empty-body',
  'buffer',
  'typed-array',
  'latin1',
  'base64',
  'hex',
  'utf16',
  'written-encodings',
  'with-length',
  'length-and-long',
  'long-text',
  'long-written',
  'later-writes',
  'write-empty',
  'corked',
  'flush-headers',
  'head-first',
  'status-message',
  'status-property',
  'raw-headers',
  'pair-headers',
  'cookies',
  'latin1-header',
  'odd-order',
  'no-date',
  'no-connection',
  'connection-close',
  'should-not-keep',
  'explicit-chunked',
  'explicit-gzip-chunked',
  'no-coding',
  'removed-length',
  'trailers',
  'trailers-at-end',
  'early-hints',
  'processing',
  'continue',
  'no-content',
  'no-content-with-body',
  'not-modified',
  'reset-content',
  'strict-length',
  'strict-length-end',
  'errors',
];
/** Where Node throws, or where Evener keeps to the RFC and Node does not. */
const THROWS = ['trailers'];
/** RFC 9110 section 15.2: no interim response to an HTTP/1.0 client. */
const INTERIM = ['early-hints', 'processing', 'continue'];
/** RFC 9112 section 6.1: no transfer coding is sent to an HTTP/1.0 client. */
const CODING = ['explicit-chunked', 'explicit-gzip-chunked', 'trailers-at-end'];
/** RFC 9112 section 9.6: a client that asks for the close is told of it, whatever the app has set. */
const CONNECTION = ['no-connection', 'odd-order'];

for (const [what, request, without] of [
  ['GET', (path: string) => GET(path), []],
  [
    'HEAD',
    (path: string) => `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
    [...THROWS, 'strict-length', 'strict-length-end'],
  ],
  ['GET with Connection: close', (path: string) => GET(path, 'Connection: close\r\n'), CONNECTION],
  ['HTTP/1.0', (path: string) => `GET ${path} HTTP/1.0\r\n\r\n`, [...THROWS, ...INTERIM, ...CODING, ...CONNECTION]],
  ['POST, its body unread', (path: string) => post(path), []],
] as const) {
  sameAsApp(`the bytes of responses to ${what}`, async (app) => {
    const names = BYTES.filter((name) => !(without as readonly string[]).includes(name));
    const seen = await Promise.all(
      names.map(
        async (name) => [name, await exchange(app, request(`/bytes/${name}`)).catch(() => 'cut short')] as const,
      ),
    );
    const strict = names.includes('strict-length') ? [await app.told('strict'), await app.told('strict', 1)] : [];
    return { ...Object.fromEntries(seen), strict: strict.sort() };
  });
}

const PLAIN = ['get', 'destroy-request', 'destroy-request-error', 'destroy-response', 'destroy-response-error'];
const MORE = ['destroy-socket', 'destroy-later', 'destroy-after-end', 'end-twice', 'write-after-end', 'callbacks'];
const READING = ['read', 'unread', 'early', 'echo', 'pipeline', 'iterate'];
for (const [what, names, request] of [
  ['a GET', [...PLAIN, ...MORE, 'end-socket'], (path: string) => GET(path)],
  ['a POST', [...PLAIN, ...MORE, ...READING], post],
] as const) {
  for (const name of names) {
    sameAsApp(`the order of events of ${what}: ${name}`, async (app) => {
      const client = await RawClient.connect(app.test, await app.url());
      client.write(request(`/order/${name}`));
      const order = await app.told(name);
      client.write(GET('/other', 'Connection: close\r\n'));
      const all = (await client.rest()).replace(/^Date: .*\r$/gm, 'Date: now');
      // Node 24 and later close the connection of a response destroyed when it was over; Evener serves on.
      const seen = name === 'destroy-after-end' ? all.split(/(?<=done)HTTP/)[0] : all;
      client.socket.destroy();
      return { order, seen };
    });
  }
}

for (const name of ['hold', 'pour']) {
  for (const way of ['leaves', 'resets']) {
    sameAsApp(`the order of events when the client ${way}: ${name}`, async (app) => {
      const client = await RawClient.connect(app.test, await app.url());
      client.write(GET(`/order/${name}`));
      await app.told(`${name} begun`);
      if (name === 'pour') await client.read(2000);
      if (way === 'leaves') client.socket.destroy();
      else client.socket.resetAndDestroy();
      return app.told(name);
    });
  }
}

for (const name of ['hold', 'read', 'echo', 'pipeline', 'iterate']) {
  for (const way of ['leaves', 'resets']) {
    sameAsApp(`the order of events when the client ${way} in an upload: ${name}`, async (app) => {
      const client = await RawClient.connect(app.test, await app.url());
      client.write(`POST /order/${name} HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\nbody`);
      await app.told(`${name} begun`);
      if (way === 'leaves') client.socket.destroy();
      else client.socket.resetAndDestroy();
      return app.told(name);
    });
  }
}
