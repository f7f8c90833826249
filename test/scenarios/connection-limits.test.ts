import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminOf, ask } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

/** An app under a config that can be written anew. */
async function limited(t: TestContext, config: object) {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (more: object): void => {
    const app = { app: join(APPS, 'deliveries.cjs'), args: ['/dev/null'], workers: 1 };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ ...app, admin: '127.0.0.1:0', ...more }));
  };
  write(config);
  const evener = new EvenerProcess(t, [], { cwd: folder });
  return { evener, write, admin: await adminOf(evener) };
}

/** A connection that is kept after an answer. */
async function kept(t: TestContext, url: string): Promise<RawClient> {
  const client = await RawClient.connect(t, url);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal((await client.response()).status, 200);
  return client;
}

function isOpen({ socket }: RawClient): boolean {
  return !socket.destroyed && !socket.readableEnded;
}

async function inFlight(admin: string): Promise<number> {
  const { body } = await ask(`${admin}metrics`, 'GET');
  return Number(/^evener_requests_in_flight\{\S*\} (\d+)$/m.exec(body)![1]);
}

/** So many clients, each with half a request in flight; one that finds no room tries again. */
async function halfway(t: TestContext, url: string, admin: string, count: number): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  while (clients.length < count) {
    const client = await RawClient.connect(t, url);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf ');
    const wasLetIn = await until(`request ${clients.length + 1} to be in flight, or refused`, async () => {
      if (client.bytes > 0 || !isOpen(client)) return 'no';
      return (await inFlight(admin)) > clients.length && 'yes';
    });
    if (wasLetIn === 'yes') clients.push(client);
  }
  return clients;
}

test('at maxConnections the longest idle makes room; where none is idle a newcomer gets 503 at once', async (t) => {
  const { evener, admin, write } = await limited(t, { maxConnections: 3 });
  const url = await evener.url(1);
  const [first, second, third] = [await kept(t, url), await kept(t, url), await kept(t, url)];
  // Then it may be idle for long enough.
  await until('a newcomer to be served', async () => (await request(url)).status === 200);
  await until('the longest idle to be closed', () => !isOpen(first));
  assert.ok(isOpen(second) && isOpen(third));
  const busy = await halfway(t, url, admin, 3);
  const startMs = performance.now();
  const refused = await request(url);
  const tookMs = performance.now() - startMs;
  assert.equal(refused.status, 503);
  assert.match(String(refused.headers['retry-after']), /^[1-9]/);
  assert.equal(refused.headers.connection, 'close');
  assert.match(refused.body, /no room for another connection/);
  assert.ok(tookMs < 5_000, `it took ${tookMs} ms, and waited in the queue`);
  for (const client of busy) client.write('whole');
  for (const client of busy) assert.equal(String((await client.response()).body), '10');
  await evener.said(/client connections: as many as maxConnections allows/);
  const { body } = await ask(`${admin}metrics`, 'GET');
  assert.match(body, /^evener_client_connections_refused_total\{cause="total"\} [1-9]/m);
  assert.match(body, /^evener_client_connections_closed_for_room_total [1-9]/m);
  await evener.said(/client connections: room again; [1-9]\d* were refused/);
  const incidents = await ask(`${admin}incidents`, 'GET');
  assert.match(incidents.body, /"kind":"connections-limited"/);
  write({ maxConnections: 100 });
  evener.kill('SIGHUP');
  await until('the new limit', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => request(`${url}/?ms=200`)));
    return answers.every(({ status }) => status === 200);
  });
});

test('a server is not taken for dead because no descriptor is left for a connection to it', async (t) => {
  const server = await ServerProcess.start(t, 'far');
  const launcher = ['/bin/sh', '-c', 'ulimit -n 128; exec "$@"', 'sh'];
  // More than descriptors allow for: with all these clients connected, few are left for the server.
  const evener = new EvenerProcess(t, ['proxy', server.url, '-p', '0', '--max-connections', '1000'], { launcher });
  const url = await evener.url(0);
  const clients: RawClient[] = [];
  while (clients.length < 70) clients.push(await kept(t, url));
  const statuses = await Promise.all(
    clients.map(async (client) => {
      client.write('GET /slow?ms=1000 HTTP/1.1\r\nHost: a\r\n\r\n');
      const answer = await client.response().catch(() => null);
      if (answer === null) return 'closed';
      const { status, body } = answer;
      return status === 503 ? `503 ${/no descriptor/.test(String(body))}` : String(status);
    }),
  );
  const counts: Record<string, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  assert.ok(counts['200']! > 3 && counts['503 true']! > 3, JSON.stringify(counts));
  assert.equal(counts['502'] ?? 0, 0);
  for (const { socket } of clients) socket.destroy();
  await until('an answer', async () => (await request(url).catch(() => null))?.status === 200);
  assert.doesNotMatch(evener.stderr, /gets no requests|died/);
});

test('one address has as many as maxConnectionsPerAddress, and others are not closed for it', async (t) => {
  const { evener, admin } = await limited(t, { maxConnectionsPerAddress: 2 });
  const url = await evener.url(1);
  const two = [await kept(t, url), await kept(t, url)];
  assert.equal((await request(url)).status, 503);
  assert.ok(two.every(isOpen));
  // The same limit for another address.
  const { port } = new URL(url);
  const other = await new Promise<number>((resolve, reject) => {
    const asked = http.get({ host: '127.0.0.1', localAddress: '127.0.0.2', port, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    asked.on('error', reject);
  });
  assert.equal(other, 200);
  two[0]!.socket.destroy();
  await until('its place to be free', async () => (await request(url)).status === 200);
  await evener.said(/as many from one address as it may have/);
  assert.match(
    (await ask(`${admin}metrics`, 'GET')).body,
    /^evener_client_connections_refused_total\{cause="address"\} [1-9]/m,
  );
});
