import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SessionTable } from '../../src/balancing/session-table.ts';
import { STICKY_AUTO, STICKY_COOKIE, STICKY_OFF, type Sticky } from '../../src/config/sticky.ts';
import { XorShift } from '../../src/core/rng.ts';
import { Affinity } from '../../src/exchange/affinity.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Transport } from '../../src/exchange/transport.ts';
import { Method } from '../../src/http1/methods.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { type RecordedClient, Road } from './recorded-exchange.ts';

const OPEN = '0{"sid":"abc","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}';
const POLL = '/socket.io/?EIO=4&transport=polling';

/** Roads with the same sessions and endpoints, as the threads of one instance have them. */
function rig(sticky: Sticky, threads: number = 1) {
  const memory = SessionTable.memoryFor(threads);
  return Array.from({ length: threads }, (_, thread) => {
    const road = new Road();
    const parts = { sessions: new SessionTable(memory, thread), secret: 'a secret', rng: new XorShift(1) };
    road.dispatcher.bind(new Affinity(sticky, road.pool, 'app', parts), null);
    const endpoints = [0, 1, 2, 3].map((slot) => {
      const { endpoint } = road.addEndpoint();
      endpoint.identity = `worker ${slot}`;
      endpoint.incarnation = slot + 1;
      return endpoint;
    });
    // Their names are known when they join.
    for (const endpoint of endpoints) {
      endpoint.leave(road.pool);
      endpoint.join(road.pool);
    }
    return { road, endpoints };
  });
}

function ask(road: Road, target: string, fields: string = '') {
  const made = road.admit({ target, fields });
  return { ...made, endpoint: endpointOf(made.exchange, road) };
}

function endpointOf(exchange: Exchange, road: Road): Endpoint<Transport> | null {
  return [...road.pool.members].find((endpoint) => endpoint.transport === exchange.transport) ?? null;
}

function answer(exchange: Exchange, body: string, status: number = 200): void {
  const head = `HTTP/1.1 ${status} OK\r\nContent-Length: ${body.length}\r\n\r\n`;
  const bytes = Buffer.from(`${head}${body}`, 'latin1');
  exchange.onHead(bytes, 0, bytes.length, true);
}

/** Asks so often that chance would have found another endpoint. */
function assertStays(road: Road, endpoint: Endpoint<Transport>, target: string, fields: string = ''): void {
  for (let i = 0; i < 20; i++) {
    const asked = ask(road, target, fields);
    assert.equal(asked.endpoint, endpoint);
    answer(asked.exchange, 'ok');
  }
}

describe('sessions of Socket.IO', () => {
  test('stay where the handshake was answered, in all threads', () => {
    const [one, two] = rig(STICKY_AUTO, 2) as [ReturnType<typeof rig>[0], ReturnType<typeof rig>[0]];
    const opened = ask(one.road, POLL);
    answer(opened.exchange, OPEN);
    const slot = one.endpoints.indexOf(opened.endpoint!);
    assertStays(one.road, one.endpoints[slot]!, `${POLL}&sid=abc`);
    assertStays(two.road, two.endpoints[slot]!, `${POLL}&sid=abc`);
  });

  test('are learned from an answer in pieces', () => {
    const [{ road }] = rig(STICKY_AUTO) as [ReturnType<typeof rig>[0]];
    const { exchange, endpoint } = ask(road, POLL);
    const head = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${OPEN.length}\r\n\r\n`);
    exchange.onHead(head, 0, head.length, false);
    for (const piece of [OPEN.slice(0, 9), OPEN.slice(9)]) exchange.onBody(Buffer.from(piece), 0, piece.length);
    exchange.onEnd('');
    assertStays(road, endpoint!, `${POLL}&sid=abc`);
  });

  test('wait for one that stalls, and not for one that is gone, draining or replaced', () => {
    for (const how of ['stalls', 'drains', 'leaves', 'is replaced'] as const) {
      const [{ road }] = rig(STICKY_AUTO) as [ReturnType<typeof rig>[0]];
      const { exchange, endpoint } = ask(road, POLL);
      answer(exchange, OPEN);
      if (how === 'stalls') endpoint!.setStalled(true);
      if (how === 'drains') endpoint!.setEnabled(false);
      if (how === 'leaves' || how === 'is replaced') endpoint!.leave(road.pool);
      if (how === 'is replaced') {
        const { endpoint: successor } = road.addEndpoint();
        successor.leave(road.pool);
        successor.identity = endpoint!.identity;
        successor.incarnation = 99;
        successor.join(road.pool);
      }
      const later = ask(road, `${POLL}&sid=abc`);
      assert.equal(later.endpoint === endpoint, how === 'stalls', how);
      assert.notEqual(later.endpoint, null);
    }
  });

  test('are not taken away from an endpoint that does not answer, as other requests are', () => {
    const [{ road }] = rig(STICKY_AUTO) as [ReturnType<typeof rig>[0]];
    const opened = ask(road, POLL);
    assert.equal(opened.exchange.isHedgeable, true);
    answer(opened.exchange, OPEN);
    const later = ask(road, `${POLL}&sid=abc`);
    assert.deepEqual([later.exchange.isBound, later.exchange.isHedgeable], [true, false]);
    const posted = road.admit({ target: `${POLL}&sid=abc`, method: Method.Post, hasBody: true }).exchange;
    assert.equal(posted.isUnbegun, false);
    const other = road.admit({ method: Method.Post, hasBody: true }).exchange;
    assert.equal(other.isUnbegun, true);
  });

  test('do not follow a request to an endpoint that it was just lost by', () => {
    const [{ road }] = rig(STICKY_AUTO) as [ReturnType<typeof rig>[0]];
    const { exchange, endpoint } = ask(road, POLL);
    answer(exchange, OPEN);
    const later = ask(road, `${POLL}&sid=abc`);
    assert.equal(later.endpoint, endpoint);
    later.exchange.onEndpointLost(1);
    assert.notEqual(endpointOf(later.exchange, road), endpoint);
  });

  test('are learned from nothing else', () => {
    const [{ road }] = rig(STICKY_AUTO) as [ReturnType<typeof rig>[0]];
    for (const target of ['/', '/?x=1', `${POLL}&sid=known`]) answer(ask(road, target).exchange, OPEN);
    const places = new Set(Array.from({ length: 30 }, () => ask(road, `${POLL}&sid=abc`).endpoint));
    assert.ok(places.size > 1);
  });
});

describe('a sticky cookie', () => {
  const sticky = { ...STICKY_OFF, cookie: STICKY_COOKIE };

  function cookieOf(client: RecordedClient): string | null {
    return /Set-Cookie: ([^;]+); Path=\/; HttpOnly; SameSite=Lax\r\n/.exec(client.head)?.[1] ?? null;
  }

  test('is set once, and holds', () => {
    const [{ road }] = rig(sticky) as [ReturnType<typeof rig>[0]];
    const first = ask(road, '/');
    answer(first.exchange, 'hello');
    const cookie = cookieOf(first.client)!;
    assert.match(first.client.head, /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: .*\r\n\r\n$/s);
    assert.deepEqual(first.client.log, ['head 200 hello last', 'done']);
    const fields = `Cookie: ${cookie}\r\n`;
    assertStays(road, first.endpoint!, '/', fields);
    const second = ask(road, '/', fields);
    answer(second.exchange, 'hello');
    assert.equal(cookieOf(second.client), null);
  });

  test('is set anew when its endpoint is gone, or it was made up', () => {
    const [{ road }] = rig(sticky) as [ReturnType<typeof rig>[0]];
    const first = ask(road, '/');
    answer(first.exchange, 'hello');
    const cookie = cookieOf(first.client)!;
    first.endpoint!.setEnabled(false);
    for (const sent of [cookie, `${cookie.slice(0, -2)}xx`]) {
      const later = ask(road, '/', `Cookie: ${sent}\r\n`);
      assert.notEqual(later.endpoint, first.endpoint);
      answer(later.exchange, 'hello');
      assert.notEqual(cookieOf(later.client), null);
      assert.notEqual(cookieOf(later.client), cookie);
    }
  });

  test('means the same in all threads', () => {
    const [one, two] = rig(sticky, 2) as [ReturnType<typeof rig>[0], ReturnType<typeof rig>[0]];
    const { exchange, client, endpoint } = ask(one.road, '/');
    answer(exchange, 'hello');
    const there = two.endpoints[one.endpoints.indexOf(endpoint!)]!;
    assertStays(two.road, there, '/', `Cookie: ${cookieOf(client)}\r\n`);
  });
});

test('requests of one key stay with one endpoint, those without go anywhere', () => {
  const hash = { from: 'header', name: 'x-user' } as const;
  const [{ road }] = rig({ ...STICKY_OFF, hash }) as [ReturnType<typeof rig>[0]];
  const places = Array.from({ length: 40 }, (_, user) => {
    const fields = `X-User: ${user}\r\n`;
    const { exchange, endpoint } = ask(road, '/', fields);
    answer(exchange, 'ok');
    assertStays(road, endpoint!, '/', fields);
    return endpoint;
  });
  assert.equal(new Set(places).size, 4);
  const others = Array.from({ length: 40 }, () => ask(road, '/').endpoint);
  assert.equal(new Set(others).size, 4);
});
