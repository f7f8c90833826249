import type { TestContext } from 'node:test';
import { LeastInFlight } from '../../src/balancing/least-in-flight.ts';
import { ClientRegistry } from '../../src/clients/client-context.ts';
import { Http1Connection } from '../../src/clients/http1-connection.ts';
import { Listener } from '../../src/clients/listener.ts';
import { AddressRanges } from '../../src/core/address-ranges.ts';
import { Clock } from '../../src/core/clock.ts';
import { XorShift } from '../../src/core/rng.ts';
import { parseServerAddress, type ServerAddress } from '../../src/core/server-address.ts';
import { Dispatcher } from '../../src/exchange/dispatcher.ts';
import { RetryBudget } from '../../src/exchange/retry-budget.ts';
import { Router } from '../../src/exchange/router.ts';
import type { Transport } from '../../src/exchange/transport.ts';
import { WaitQueue } from '../../src/exchange/wait-queue.ts';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { Counters } from '../../src/observability/counters.ts';
import { PoolMeter, type PoolReading } from '../../src/observability/pool-meter.ts';
import { Pool } from '../../src/pool/pool.ts';
import type { Http1Settings } from '../../src/transports/http1-settings.ts';
import { Http1Transport } from '../../src/transports/http1-transport.ts';
import { UpstreamPool } from '../../src/transports/upstream-pool.ts';
import { RawClient } from '../support/raw-client.ts';

/** Of a pool that says nothing else. */
const DEFAULT_SETTINGS: Http1Settings = Object.freeze({
  connectTimeoutMs: 5_000,
  silenceTimeoutMs: 300_000,
  // Node's own servers close after 5 s, and say so.
  idleTimeoutMs: 4_000,
  maxIdleConnections: 256,
  keepsLoadReports: false,
  responseVia: null,
  requests: Object.freeze({ xForwarded: true, forwarded: false, via: null, loadFormat: null, passesLoadFormat: false }),
  host: 'client',
  tls: null,
});

export interface ProxiedSettings {
  readonly http1?: Partial<Http1Settings>;
  readonly trusted?: readonly string[];
  readonly queueTimeoutMs?: number;
  readonly responseTimeoutMs?: number;
  readonly turn?: FlushTurn;
  readonly maxHeadBytes?: number;
}

/** Servers behind a listener: everything from a client's bytes to a server's, in this process. */
export class ProxiedRoad {
  readonly #meter: PoolMeter;
  readonly transports: Http1Transport[] = [];
  /** What transports told. */
  readonly told: string[] = [];
  readonly dispatcher: Dispatcher;
  readonly url: string;
  readonly #test: TestContext;

  private constructor(test: TestContext, dispatcher: Dispatcher, meter: PoolMeter, url: string) {
    this.#meter = meter;
    this.#test = test;
    this.dispatcher = dispatcher;
    this.url = url;
  }

  static async start(
    test: TestContext,
    servers: readonly string[],
    settings: ProxiedSettings = {},
  ): Promise<ProxiedRoad> {
    const clock = new Clock();
    const pool = new Pool<Transport>();
    const meter = new PoolMeter();
    const queue = new WaitQueue(100, settings.queueTimeoutMs ?? 10_000);
    const policy = new LeastInFlight(new XorShift(1));
    const dispatcher = new Dispatcher(pool, policy, queue, new RetryBudget(), meter, clock);
    dispatcher.responseTimeoutMs = settings.responseTimeoutMs ?? 0;
    const router = new Router();
    router.set([{ host: null, path: '', dispatcher }]);
    const clients = new ClientRegistry(clock, () => {});
    const listener = new Listener(
      {
        listenerId: 1,
        router,
        counters: new Counters(),
        clients,
        limits: { maxHeadBytes: settings.maxHeadBytes ?? 64 * 1024, maxFields: 2000, requireHost: true },
        timeouts: { headMs: 0, requestMs: 0, bodyMs: 0, keepAliveMs: 0 },
        handlesClientError: false,
        connections: 0,
        admission: null,
        pause: null,
        speaksHttp: true,
        connectionLimit: () => Number.POSITIVE_INFINITY,
      },
      Http1Connection,
    );
    const thread = new UpstreamPool(clock, settings.turn ?? new FlushTurn(), new AddressRanges(settings.trusted ?? []));
    const address = await listener.listen({
      host: '127.0.0.1',
      port: 0,
      path: null,
      ipv6Only: false,
      reusePort: false,
      backlog: 0,
    });
    const { port } = address as { port: number };
    const road = new ProxiedRoad(test, dispatcher, meter, `http://127.0.0.1:${port}`);
    const beat = setInterval(() => dispatcher.expire(clock.tick()), 50);
    test.after(() => {
      clearInterval(beat);
      listener.close();
      clients.destroyAll();
      for (const transport of road.transports) transport.close();
      thread.close();
    });
    for (const [i, server] of servers.entries()) {
      const transport = new Http1Transport(i, addressOf(server), { ...DEFAULT_SETTINGS, ...settings.http1 }, thread, {
        onUnreachable: (reason) => road.told.push(`${i} unreachable: ${reason}`),
        onReachable: () => road.told.push(`${i} reachable`),
        onLoad: (text, binary) => road.told.push(`${i} load: ${text || binary}`),
        onIdle: () => road.told.push(`${i} idle`),
      });
      road.transports.push(transport);
      transport.endpoint.join(pool);
    }
    return road;
  }

  /** What was counted so far. */
  get counted(): PoolReading {
    return this.#meter.read();
  }

  client(): Promise<RawClient> {
    return RawClient.connect(this.#test, this.url);
  }
}

export function addressOf(text: string): ServerAddress {
  const address = parseServerAddress(text);
  if (typeof address === 'string') throw new Error(address);
  return address;
}

export function get(path: string, fields: string = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

export function post(path: string, body: string, fields: string = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

export function ok(body: string, fields: string = ''): string {
  return `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
}
