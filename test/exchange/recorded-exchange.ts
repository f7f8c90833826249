import { LeastInFlight } from '../../src/balancing/least-in-flight.ts';
import { Clock } from '../../src/core/clock.ts';
import { XorShift } from '../../src/core/rng.ts';
import { Dispatcher } from '../../src/exchange/dispatcher.ts';
import { Exchange } from '../../src/exchange/exchange.ts';
import { RetryBudget } from '../../src/exchange/retry-budget.ts';
import type { ExchangeClient, Transport } from '../../src/exchange/transport.ts';
import { WaitQueue } from '../../src/exchange/wait-queue.ts';
import { Method } from '../../src/http1/methods.ts';
import type { Peer } from '../../src/link/frames.ts';
import { PoolMeter, type PoolReading } from '../../src/observability/pool-meter.ts';
import { Endpoint } from '../../src/pool/endpoint.ts';
import { Pool } from '../../src/pool/pool.ts';

const PEER: Peer = {
  listener: 1,
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  remoteFamily: 'IPv4',
  localAddress: '127.0.0.1',
  localPort: 2,
  localFamily: 'IPv4',
};

/** What a request on a {@link Road} may be. */
export interface RoadRequest {
  readonly method?: number;
  readonly hasBody?: boolean;
  readonly isLarge?: boolean;
  readonly isConnection?: true;
  /** Default: 0. */
  readonly startedAtMs?: number;
  /** Default: its number. */
  readonly target?: string;
  /** Beside Host, each with its CRLF. */
  readonly fields?: string;
}

/** A client's side that writes down what it is told. */
export class RecordedClient implements ExchangeClient {
  readonly peer: Peer = PEER;
  readonly isSecure = false;
  readonly keepsAlive = true;
  readonly log: string[] = [];
  /** Of the last response. */
  head = '';

  respondInterim(bytes: Buffer, start: number, end: number): void {
    this.log.push(`interim ${bytes.toString('latin1', start, end).slice(9, 12)}`);
  }
  respond(bytes: Buffer, start: number, headEnd: number, end: number, isLast: boolean): void {
    const status = bytes.toString('latin1', start + 9, start + 12);
    this.head = bytes.toString('latin1', start, headEnd);
    this.log.push(`head ${status} ${bytes.toString('latin1', headEnd, end)}${isLast ? ' last' : ''}`.trim());
  }
  respondBody(bytes: Buffer, start: number, end: number): void {
    this.log.push(`body ${bytes.toString('latin1', start, end)}`);
  }
  respondEnd(trailers: string): void {
    this.log.push(`end ${trailers}`.trim());
  }
  respondError(outcome: number): void {
    this.log.push(`error ${outcome}`);
  }
  cut(outcome: number): void {
    this.log.push(`cut ${outcome}`);
  }
  openTunnel(): void {
    this.log.push('tunnel');
  }
  declineTunnel(): void {
    this.log.push('plain');
  }
  resumeBody(): void {}
  settle(): boolean {
    return false;
  }
  exchangeDone(): void {
    this.log.push('done');
  }
}

/** An endpoint's side that writes down what it is given. */
export class RecordedTransport implements Transport {
  readonly log: string[] = [];
  /** All of the bodies it was sent. */
  sent = '';
  /** The memory it was sent them in. */
  readonly memory: Buffer[] = [];
  isCongested = false;
  copiesUpTo: number = 16 * 1024 - 1;
  /** What {@link sendBody} answers. */
  takesAtOnce = true;
  /** Requests that went elsewhere. */
  left = 0;
  /** Who waits for the congestion to be over. */
  awaiting: Exchange[] = [];

  open(exchange: Exchange): void {
    this.log.push(`open ${exchange.target}`);
  }
  sendBody(_exchange: Exchange, bytes: Buffer): boolean {
    this.log.push(`body ${bytes.length}`);
    this.sent += bytes.toString('latin1');
    this.memory.push(bytes);
    return this.takesAtOnce;
  }
  awaitRoom(exchange: Exchange): void {
    this.awaiting.push(exchange);
  }
  endBody(_exchange: Exchange, trailers: string): void {
    this.log.push(`end ${trailers}`.trim());
  }
  grant(_exchange: Exchange, bytes: number): void {
    this.log.push(`grant ${bytes}`);
  }
  abort(): void {
    this.log.push('abort');
  }
  clientLeft(): void {
    this.log.push('client left');
  }
  finished(): void {
    this.log.push('finished');
  }
  moved(): void {
    this.left++;
  }
  touch(): void {}
}

/** One pool with all that belongs to it, and endpoints whose transports keep a record. */
export class Road {
  readonly pool: Pool<Transport> = new Pool<Transport>();
  readonly #meter = new PoolMeter();
  /** Stands still unless a test sets it. */
  readonly clock: Clock = new Clock();
  readonly dispatcher: Dispatcher;
  #exchanges = 0;
  #endpoints = 0;

  constructor(queueLimit: number = 10, queueTimeoutMs: number = 1000) {
    const policy = new LeastInFlight(new XorShift(1));
    const queue = new WaitQueue(queueLimit, queueTimeoutMs);
    this.dispatcher = new Dispatcher(this.pool, policy, queue, new RetryBudget(), this.#meter, this.clock);
  }

  /** What was counted so far. */
  get counted(): PoolReading {
    return this.#meter.read();
  }

  addEndpoint(): { endpoint: Endpoint<Transport>; transport: RecordedTransport } {
    const transport = new RecordedTransport();
    const endpoint = new Endpoint<Transport>(++this.#endpoints, transport, () => transport.log.push('ask'));
    endpoint.join(this.pool);
    return { endpoint, transport };
  }

  /** A request that has not been admitted. Its target is its number: /1, /2 and so on. */
  exchange(facts: RoadRequest = {}): { exchange: Exchange; client: RecordedClient } {
    const client = new RecordedClient();
    const target = facts.target ?? `/${this.#exchanges + 1}`;
    this.#exchanges++;
    const exchange = new Exchange(
      client,
      this.dispatcher,
      {
        connectionId: this.#exchanges,
        method: facts.method ?? Method.Get,
        minorVersion: 1,
        lines: facts.isConnection ? '' : `GET ${target} HTTP/1.1\r\nHost: a\r\n${facts.fields ?? ''}`,
        targetOffset: 4,
        targetLength: target.length,
        hasBody: facts.hasBody ?? false,
        isLarge: facts.isLarge ?? false,
        wantsUpgrade: facts.isConnection ?? false,
        keepAlive: true,
        refusal: null,
        ...(facts.isConnection ? { isConnection: true } : {}),
      },
      facts.startedAtMs ?? 0,
    );
    return { exchange, client };
  }

  /** A request that has been admitted. */
  admit(facts: RoadRequest = {}): { exchange: Exchange; client: RecordedClient } {
    const made = this.exchange(facts);
    this.dispatcher.admit(made.exchange, 0);
    return made;
  }
}
