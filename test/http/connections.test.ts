import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REQUEST_WINDOW_BYTES } from '../../src/link/frames.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { memoryOf } from '../support/memory.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';

const MIB = 1024 * 1024;
const MAJOR_VERSION = Number.parseInt(process.versions.node, 10);

interface Road {
  readonly evener: EvenerProcess;
  readonly url: string;
  readonly client: RawClient;
}

/** `counting.cjs` behind one worker, and a client connected to it. */
async function start(t: TestContext, settings: object = {}, ...options: string[]): Promise<Road> {
  const evener = new EvenerProcess(t, ['counting.cjs', '-w', '1', ...options, '--', JSON.stringify(settings)]);
  const url = await evener.url(1);
  return { evener, url, client: await RawClient.connect(t, url) };
}

const usual = startedOnce((cleanup) => new EvenerProcess(cleanup, ['counting.cjs', '-w', '1']).url(1));

/** The same for tests that one process may serve, one after the other: those that neither measure it nor leave it something to do. */
async function share(t: TestContext): Promise<Pick<Road, 'url' | 'client'>> {
  const url = await usual();
  await reached(url);
  return { url, client: await RawClient.connect(t, url) };
}

function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

async function reached(url: string): Promise<string[]> {
  return JSON.parse((await request(`${url}/reached`)).body) as string[];
}

/** Waits until nothing more is taken of what the client has written. Bytes taken. */
async function stuck(client: RawClient): Promise<number> {
  let last = -1;
  let since = performance.now();
  return until('the client to be held back', () => {
    const taken = client.socket.bytesWritten - client.socket.writableLength;
    if (taken !== last) since = performance.now();
    last = taken;
    return client.socket.writableLength > 0 && performance.now() - since > 500 ? taken : null;
  });
}

test('reads only so far ahead of the request in progress', async (t) => {
  const { evener, url, client } = await start(t);
  await request(`${url}/warm`);
  const before = memoryOf(evener.pid).now;
  const ahead = get('/ahead').repeat(1000);
  client.write(get('/never'));
  for (let bytes = 0; bytes < 32 * MIB; bytes += ahead.length) client.write(ahead);
  // What is taken lies in buffers of the kernel, but for a bounded part.
  await stuck(client);
  const grown = memoryOf(evener.pid).now - before;
  assert.ok(grown < 16 * MIB, `the balancer has grown by ${grown} bytes`);
  assert.deepEqual(await reached(url), ['GET /warm', 'never']);
});

/** A client asks for so many answers of this size, takes none until no more are begun, and then all. */
async function readLate(t: TestContext, size: number, count: number): Promise<void> {
  const { evener, url, client } = await start(t);
  const warm = 2000;
  client.write(get('/sized?1').repeat(warm));
  for (let i = 0; i < warm; i++) await client.response();
  await reached(url);
  const before = memoryOf(evener.pid).now;
  client.socket.pause();
  client.write(get(`/sized?${size}`).repeat(count));
  let begun = 0;
  let since = performance.now();
  await until('the app to get no more', async () => {
    const more = await reached(url);
    if (more.length > 0) since = performance.now();
    begun += more.length;
    return begun > 0 && performance.now() - since > 1000;
  });
  assert.ok(begun < count / 2, `${begun} were begun`);
  const grown = memoryOf(evener.pid).now - before;
  // All of the answers are more than 60 MiB; some the heap grows by on its own account.
  assert.ok(grown < 48 * MIB, `the balancer has grown by ${grown} bytes`);
  client.socket.resume();
  for (let i = 0; i < count; i++) assert.equal((await client.response()).body.length, size);
  client.write(get('/after'));
  assert.equal((await client.response()).status, 200);
}

test('begins no more requests for a client that does not read their answers', (t) => readLate(t, 64 * 1024, 1000));

// Those are given to the kernel one by one.
test('begins no more for one that does not read small answers, and goes on when it does', (t) =>
  readLate(t, 3000, 24_000));

test('notices that a client which it holds back has left', async (t) => {
  const { url, client } = await start(t);
  client.socket.pause();
  client.write(get('/large').repeat(500));
  await until('some to reach the app', async () => (await reached(url)).includes('/large'));
  client.socket.resetAndDestroy();
  await until('the connection to be gone', async () => (await connections(url)) === 1);
});

test('notices that a client has left whose upload had to wait for the app', async (t) => {
  const { url, client } = await start(t);
  const length = REQUEST_WINDOW_BYTES + 16 * 1024;
  client.write(`POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  client.write(Buffer.alloc(length, 'x'));
  await until('the app to have read it', async () => (await reached(url)).includes('read'));
  client.socket.resetAndDestroy();
  await until('the connection to be gone', async () => (await connections(url)) === 1);
});

test('gives an app the next request of a connection with its socket, though it has still to hear that the last one finished', async (t) => {
  const url = await new EvenerProcess(t, ['finishes-late.cjs', '-w', '1']).url(1);
  const client = await RawClient.connect(t, url);
  const chunked = 'Transfer-Encoding: chunked\r\n';
  const cases = [
    [get('/1'), 'a socket '],
    [get('/2'), 'a socket '],
    [get('/3', 'Content-Length: 4\r\n').replace('GET', 'POST').concat('body'), 'a socket body'],
    [get('/4', chunked).concat('2\r\nin\r\n8\r\n, pieces\r\n0\r\n\r\n'), 'a socket in, pieces'],
    [get('/5'), 'a socket '],
  ] as const;
  for (const [bytes, answer] of cases) {
    client.write(bytes);
    assert.equal(String((await client.response()).body), answer);
  }
  client.write('no request\r\n\r\n');
  assert.equal((await client.response()).status, 400);
});

test('closes behind the last of several requests when its client has ended, though that had a body', async (t) => {
  const { client } = await share(t);
  client.write(`${get('/sized?3000')}POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`);
  client.end();
  assert.equal((await client.response()).body.length, 3000);
  assert.match(String((await client.response()).body), /"body":"body"/);
  // Kept open, it would be for as long as an idle connection is: 120 s here.
  await client.ended();
  assert.equal(client.error, null);
});

/** Open at the app's server. */
async function connections(url: string): Promise<number> {
  return Number((await request(`${url}/connections`)).body);
}

test('answers all that was pipelined before the client finished sending', async (t) => {
  const { client } = await share(t);
  client.write(`${get('/large?1')}${get('/2')}${get('/3')}GET /incompl`);
  client.end();
  assert.equal((await client.response()).body.length, 64 * 1024);
  for (const target of ['/2', '/3']) assert.match(String((await client.response()).body), new RegExp(`"${target}"`));
  assert.equal(await client.rest(), '');
  assert.equal(client.error, null);
});

test('closes at once behind the last request that a client has announced', async (t) => {
  const client = await RawClient.connect(t, (await share(t)).url, true);
  client.write(get('/last', 'Connection: close\r\n'));
  assert.equal((await client.response()).status, 200);
  const closed = (): boolean => {
    if (client.error === null) client.write('\r\n');
    return client.error !== null;
  };
  // One that lingers takes what comes for 30 s.
  await until('a reset', closed, 15_000);
});

for (const [what, last] of [
  ['a line break behind a body', 'POST /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab'],
  ['bytes of a protocol that was declined', get('/last', 'Connection: close, Upgrade\r\nUpgrade: x\r\n')],
] as const) {
  test(`lets a client read the answer to its last request though it sends ${what}`, async (t) => {
    const client = await RawClient.connect(t, (await share(t)).url, true);
    client.write(last);
    await until('the answer', () => client.bytes > 0);
    for (let i = 0; i < 3; i++) {
      client.write('\r\n');
      await sleep(50);
    }
    assert.equal((await client.response()).status, 200);
    await client.ended();
    assert.equal(client.error, null);
  });
}

test('ends an exchange soon that a client left which had pipelined more', async (t) => {
  const { url, client } = await share(t);
  client.write(get('/1') + get('/never') + get('/3'));
  assert.equal((await client.response()).status, 200);
  client.end();
  // It would be answered if it were quick. It never is.
  await client.ended();
  assert.deepEqual(await reached(url), ['GET /1', 'never']);
});

test('lets a client read the app’s early 413 while it still uploads', async (t) => {
  const client = await RawClient.connect(t, (await share(t)).url, true);
  client.write('POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n');
  const pieces = Buffer.alloc(MIB, 'x');
  for (let i = 0; i < 16; i++) client.write(pieces);
  const response = await client.response();
  assert.deepEqual([response.status, String(response.body)], [413, 'too large']);
  assert.match(response.head, /^Connection: close\r$/m);
  await client.ended();
  assert.deepEqual([client.bytes, client.error], [0, null]);
});

test('lets a client read an early error however long it goes on uploading', async (t) => {
  const client = await RawClient.connect(t, (await share(t)).url, true);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.write(`1;${'x'.repeat(20_000)}`);
  // Longer than a silent client is waited for.
  for (let i = 0; i < 30; i++) {
    client.write('x'.repeat(1000));
    await sleep(100);
  }
  assert.equal(client.error, null);
  assert.equal((await client.response()).status, 413);
  assert.equal(await client.rest(), '');
});

test('streams a response for longer than the time that its head had', async (t) => {
  const { client } = await start(t, {}, '--response-timeout', '3s');
  client.write('POST /slow-end HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo');
  await until('the response to begin', () => client.bytes > 0);
  client.write('dy');
  assert.equal(String((await client.response()).body), 'begun, over');
});

test('takes an empty line between requests for none', async (t) => {
  const { client } = await start(t, { keepAliveTimeout: 200, keepAliveTimeoutBuffer: 100, headersTimeout: 1000 });
  client.write(get('/'));
  await client.response();
  client.write('\r\n');
  // Closed as an idle connection is: nobody waits for the rest of a head, nobody answers with 408.
  assert.equal(await client.rest(), '');
});

test('gives no body to the refusal of a HEAD request', async (t) => {
  const { client } = await share(t);
  client.write('HEAD / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n');
  const { status, head } = await client.response('HEAD');
  assert.equal(status, 400);
  assert.match(head, /^Content-Length: \d+\r$/m);
  assert.equal(await client.rest(), '');
});

test('passes bytes of 0x80 and up in values unchanged', async (t) => {
  const { client } = await share(t);
  const value = Array.from({ length: 128 }, (_, i) => String.fromCharCode(0x80 + i)).join('');
  const trailers = `Trailer: ${value}\r\n`;
  client.write(
    `POST / HTTP/1.1\r\nHost: a\r\nX-A:\t ${value} \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${trailers}\r\n`,
  );
  const { body } = await client.response();
  const seen = JSON.parse(body.toString('latin1')) as Record<string, string[]>;
  assert.deepEqual(seen.rawHeaders, ['Host', 'a', 'X-A', value, 'Transfer-Encoding', 'chunked']);
  assert.deepEqual(seen.rawTrailers, ['Trailer', value]);
});

test('gives an expectation to an app that listens for it', async (t) => {
  const { url, client } = await start(t, { listen: ['checkExpectation'] });
  client.write(get('/expecting', 'Expect: a-pony\r\n'));
  const response = await client.response();
  assert.deepEqual([response.status, String(response.body)], [200, 'expects a-pony']);
  assert.deepEqual(await reached(url), ['checkExpectation GET /expecting']);
});

test('keeps an expectation that nobody knows from the app', async (t) => {
  const { url, client } = await share(t);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 4\r\n\r\nbody`);
  assert.equal((await client.response()).status, 417);
  assert.deepEqual(await reached(url), []);
});

test('ignores an expectation of HTTP/1.0', async (t) => {
  const { client } = await share(t);
  client.write('POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody');
  assert.equal((await client.response()).status, 200);
});

test('keeps a connection whose upgrade the app declined and answered at once', async (t) => {
  const { client } = await share(t);
  for (let i = 0; i < 3; i++) {
    client.write(get(`/${i}`, 'Connection: Upgrade\r\nUpgrade: h2c\r\n'));
    assert.equal((await client.response()).status, 200);
  }
});

test('keeps the app’s maxHeadersCount', async (t) => {
  const { url, client } = await start(t, { maxHeadersCount: 3 });
  client.write(get('/', 'A: 1\r\nB: 2\r\n'));
  assert.equal((await client.response()).status, 200);
  client.write(get('/', 'A: 1\r\nB: 2\r\nC: 3\r\n'));
  // Node 20 leaves out what is too many, later ones refuse it.
  assert.equal((await client.response()).status, MAJOR_VERSION < 22 ? 200 : 431);
  const lines = await reached(url);
  assert.equal(lines.length, MAJOR_VERSION < 22 ? 2 : 1);
});

test('keeps the app’s maxConnections, for each worker', async (t) => {
  const settings = JSON.stringify({ maxConnections: 2 });
  const evener = new EvenerProcess(t, ['counting.cjs', '-w', '2', '--', settings]);
  const url = await evener.url(2);
  const clients: RawClient[] = [];
  for (let i = 0; i < 4; i++) {
    const client = await RawClient.connect(t, url);
    client.write(get(`/${i}`));
    assert.equal((await client.response()).status, 200);
    clients.push(client);
  }
  const fifth = await RawClient.connect(t, url);
  assert.equal(await fifth.rest(), '');
  for (const client of clients) {
    client.write(get('/again'));
    assert.equal((await client.response()).status, 200);
  }
  clients[0]!.socket.destroy();
  await until('there to be room', async () => {
    const next = await RawClient.connect(t, url);
    next.write(get('/'));
    return next.response().then(
      ({ status }) => status === 200,
      () => false,
    );
  });
});

test('holds idle connections by the thousand in little memory', { timeout: 120_000 }, async (t) => {
  const { evener, url } = await start(t, { keepAliveTimeout: 600_000 });
  const clients: RawClient[] = [];
  const connect = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 250) {
      const batch = Array.from({ length: Math.min(250, left) }, () => RawClient.connect(t, url));
      const connected = await Promise.all(batch);
      for (const client of connected) client.write(get('/'));
      for (const client of connected) assert.equal((await client.response()).status, 200);
      clients.push(...connected);
    }
  };
  await connect(500);
  const before = memoryOf(evener.pid).now;
  await connect(2500);
  const each = (memoryOf(evener.pid).now - before) / 2500;
  t.diagnostic(`${Math.round(each)} bytes a connection`);
  assert.ok(each < 24 * 1024, `${each} bytes a connection`);
  // All of them are still served.
  for (const client of clients) client.write(get('/again'));
  for (const client of clients) assert.equal((await client.response()).status, 200);
});
