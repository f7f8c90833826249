import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { UpstreamTlsOptions } from '../../src/config/upstream.ts';
import { upstreamTls } from '../../src/transports/upstream-tls.ts';
import { TestAuthority } from '../support/certificates.ts';
import { until } from '../support/until.ts';
import { get, ProxiedRoad } from './proxied-road.ts';

interface Seen {
  readonly serverName: string | false | null;
  readonly peer: string | undefined;
  readonly isReused: boolean;
}

/** A server over TLS that writes down what it sees of its clients, and echoes. */
async function tlsServer(t: TestContext, options: https.ServerOptions): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = https.createServer(options, (request, response) => request.pipe(response));
  server.on('secureConnection', (socket: TLSSocket & { servername?: string | false }) => {
    const peer = socket.getPeerCertificate()?.subject?.CN;
    seen.push({ serverName: socket.servername ?? null, peer: String(peer), isReused: socket.isSessionReused() });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const PLAIN: UpstreamTlsOptions = { ca: null, cert: null, key: null, serverName: null, verifies: true };

function withTls(settings: Partial<UpstreamTlsOptions>): { http1: { tls: ReturnType<typeof upstreamTls> } } {
  return { http1: { tls: upstreamTls({ ...PLAIN, ...settings }) } };
}

describe('TLS to a server', () => {
  test('carries requests both ways where its certificate is valid', async (t) => {
    const authority = new TestAuthority(t);
    const { url } = await tlsServer(t, authority.sign('IP:127.0.0.1'));
    const road = await ProxiedRoad.start(t, [url], withTls({ ca: authority.cert }));
    const client = await road.client();
    const body = Buffer.alloc(1024 * 1024, 'z');
    for (let i = 0; i < 3; i++) {
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
      client.write(body);
      assert.ok((await client.response()).body.equals(body));
    }
    assert.equal(road.transports[0]!.connections, 1);
  });

  test('is refused to a certificate of an authority that nobody knows', async (t) => {
    const authority = new TestAuthority(t);
    const { url } = await tlsServer(t, authority.sign('IP:127.0.0.1'));
    const road = await ProxiedRoad.start(t, [url], { ...withTls({}), queueTimeoutMs: 200 });
    const client = await road.client();
    client.write(get('/'));
    assert.equal((await client.response()).status, 503);
    assert.match(road.told[0]!, /unreachable: .*(?:certificate|issuer)/i);
  });

  test('is refused to a certificate for another name', async (t) => {
    const authority = new TestAuthority(t);
    const { url } = await tlsServer(t, authority.sign('DNS:other.example'));
    const road = await ProxiedRoad.start(t, [url], { ...withTls({ ca: authority.cert }), queueTimeoutMs: 200 });
    const client = await road.client();
    client.write(get('/'));
    assert.equal((await client.response()).status, 503);
    assert.match(road.told[0]!, /unreachable: .*altnames/i);
  });

  test('asks for the name that the pool says, and checks for it', async (t) => {
    const authority = new TestAuthority(t);
    const { url, seen } = await tlsServer(t, authority.sign('DNS:app.example'));
    const road = await ProxiedRoad.start(t, [url], withTls({ ca: authority.cert, serverName: 'app.example' }));
    const client = await road.client();
    client.write(get('/'));
    assert.equal((await client.response()).status, 200);
    assert.equal(seen[0]!.serverName, 'app.example');
  });

  test('is not checked where the pool says so', async (t) => {
    const authority = new TestAuthority(t);
    const { url } = await tlsServer(t, authority.sign('DNS:other.example'));
    const road = await ProxiedRoad.start(t, [url], withTls({ verifies: false }));
    const client = await road.client();
    client.write(get('/'));
    assert.equal((await client.response()).status, 200);
  });

  test('shows our own certificate to a server that asks', async (t) => {
    const authority = new TestAuthority(t);
    const server = authority.sign('IP:127.0.0.1');
    const own = authority.sign('DNS:balancer.example');
    const { url, seen } = await tlsServer(t, {
      ...server,
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const road = await ProxiedRoad.start(t, [url], withTls({ ca: authority.cert, cert: own.cert, key: own.key }));
    const client = await road.client();
    client.write(get('/'));
    assert.equal((await client.response()).status, 200);
    assert.match(seen[0]!.peer!, /^leaf/);
  });

  test('takes its session up again on the next connection', async (t) => {
    const authority = new TestAuthority(t);
    const { url, seen } = await tlsServer(t, authority.sign('IP:127.0.0.1'));
    const road = await ProxiedRoad.start(t, [url], {
      http1: { ...withTls({ ca: authority.cert }).http1, idleTimeoutMs: 100 },
    });
    const client = await road.client();
    client.write(get('/'));
    await client.response();
    await until('the first connection to be closed', () => road.transports[0]!.connections === 0);
    client.write(get('/'));
    await client.response();
    assert.deepEqual(
      seen.map(({ isReused }) => isReused),
      [false, true],
    );
  });
});
