import type { Clock } from '../core/clock.ts';
import { Outcome } from '../core/outcome.ts';
import type { ServerAddress } from '../core/server-address.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { COPIED_BYTES, type ConnectionEnd, type ExchangeClient, type Transport } from '../exchange/transport.ts';
import type { Silence } from '../health/silence.ts';
import { isIdempotent, Method } from '../http1/methods.ts';
import type { ForwardedClient, RequestRules } from '../http1/proxied-request.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import type { WorkerMeter } from '../observability/worker-meter.ts';
import { Endpoint } from '../pool/endpoint.ts';
import type { Http1Settings } from './http1-settings.ts';
import { Http1UpstreamConnection } from './http1-upstream-connection.ts';
import { answersItself, ownAnswer } from './max-forwards.ts';
import type { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamTls } from './upstream-socket.ts';

/**
 * A request that must not be run twice, or cannot be sent twice since its body is not kept, goes on a kept connection only if
 * that was used within this time: the longer it has been idle, the likelier the server is closing it just now, and then
 * nobody knows whether it has begun.
 */
const FRESH_MS = 1_000;

/** Waits before a server that could not be connected to is tried again: from the first to the last, doubling. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 2_000;

/** What the owner of a transport hears. */
export interface Http1Events {
  /** Connecting failed: it gets no requests until a connection can be made, which is tried again and again. */
  onUnreachable(reason: string): void;
  onReachable(downMs: number): void;
  /** A load report came with a response. */
  onLoad(text: string, binary: string): void;
  /** It was to be closed, and has finished what it had. */
  onIdle(): void;
}

/** Carries exchanges to one server by HTTP/1.1, over connections that are kept. */
export class Http1Transport implements Transport {
  readonly endpoint: Endpoint<Transport>;
  readonly address: ServerAddress;
  readonly settings: Http1Settings;
  readonly rules: RequestRules;
  readonly tls: UpstreamTls | null;
  readonly clock: Clock;
  readonly turn: FlushTurn;
  /** Of the last TLS handshake, for a shorter one. */
  session: Buffer | null = null;

  /** How busy the server says it is, 0-1; -1 = it does not say. */
  loopUtilization = -1;
  /** When a byte last came from it. Monotonic ms; 0 = none has. */
  heardAtMs = 0;
  /** Whether it falls silent; null where that is not looked at. */
  silence: Silence | null = null;
  /** Where it is counted as a worker, if it is one. */
  meter: WorkerMeter | null = null;
  /** Hears when it is given nothing new and has finished what it had. */
  onDisabledIdle: (() => void) | null = null;

  readonly #shared: UpstreamPool;
  readonly #events: Http1Events;
  /** By slot. */
  readonly #connections: (Http1UpstreamConnection | null)[] = [];
  readonly #freeSlots: number[] = [];
  /** The last to become idle is the first to be used, so that those not needed grow old and are closed. */
  readonly #idle: Http1UpstreamConnection[] = [];
  readonly #touched: ExchangeClient[] = [];
  #isSettling = false;
  #isClosing = false;
  /** When it became unreachable; 0 = it is reachable. */
  #unreachableSinceMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | null = null;

  constructor(id: number, address: ServerAddress, settings: Http1Settings, shared: UpstreamPool, events: Http1Events) {
    this.endpoint = new Endpoint<Transport>(id, this, null);
    this.address = address;
    this.settings = settings;
    this.tls = address.isTls ? settings.tls : null;
    this.rules = {
      ...settings.requests,
      host: settings.host === 'client' ? null : settings.host === 'server' ? address.authority : settings.host,
      authority: address.authority,
    };
    this.clock = shared.clock;
    this.turn = shared.turn;
    this.#shared = shared;
    this.#events = events;
    shared.add(this);
  }

  // Transport.

  open(exchange: Exchange): void {
    this.meter?.setInFlight(this.endpoint.inFlight);
    if ((exchange.method === Method.Trace || exchange.method === Method.Options) && answersItself(exchange)) {
      const bytes = ownAnswer(exchange);
      exchange.stream = -1;
      // A body that comes with it is thrown away: nothing is to hold it up.
      exchange.credit = Number.MAX_SAFE_INTEGER;
      if (exchange.awaitsUpgrade) exchange.onPlain();
      exchange.onHead(bytes, 0, bytes.length, true);
      return;
    }
    const mayRepeat = isIdempotent(exchange.method) && exchange.body?.isKept !== false;
    const connection = this.#takeIdle(mayRepeat) ?? this.#connect();
    connection.open(exchange);
  }

  /** Each exchange has a connection of its own, and credit for what its kernel takes. */
  readonly isCongested: boolean = false;
  readonly copiesUpTo: number = COPIED_BYTES;

  awaitRoom(): void {}

  sendBody(exchange: Exchange, bytes: Buffer): boolean {
    return this.#of(exchange)?.sendBody(bytes) ?? true;
  }

  endBody(exchange: Exchange, trailers: string): void {
    this.#of(exchange)?.endBody(trailers);
  }

  grant(exchange: Exchange, bytes: number): void {
    this.#of(exchange)?.grant(bytes);
  }

  abort(exchange: Exchange, end: ConnectionEnd): void {
    this.#of(exchange)?.destroy(end === 'reset');
  }

  clientLeft(): void {}

  finished(exchange: Exchange): void {
    const connection = this.#of(exchange);
    if (connection !== null) {
      if (!connection.release(this.clock.nowMs)) connection.destroySoon(this.clock.nowMs);
      else if (this.#isClosing || this.#idle.length >= this.settings.maxIdleConnections) connection.destroy();
      else this.#idle.push(connection);
    }
    this.meter?.finished(this.endpoint.inFlight);
    this.#hasLess();
  }

  moved(): void {
    this.meter?.setInFlight(this.endpoint.inFlight);
    this.#hasLess();
  }

  /** One of those in flight is so no more. */
  #hasLess(): void {
    if (this.#isClosing) this.#tellIfIdle();
    else if (this.onDisabledIdle !== null && !this.endpoint.isEnabled && this.endpoint.inFlight === 0)
      this.onDisabledIdle();
  }

  touch(client: ExchangeClient): void {
    this.#touched.push(client);
    if (this.#isSettling) return;
    this.#isSettling = true;
    // Whatever is written outside a read is settled as well.
    process.nextTick(this.#settleLater);
  }

  // From connections.

  /** Lets clients write out what a read brought. True when one of them still refers to the memory read into. */
  settle(): boolean {
    if (this.#touched.length === 0) return false;
    let isLent = false;
    for (let i = 0; i < this.#touched.length; i++) if (this.#touched[i]!.settle()) isLent = true;
    this.#touched.length = 0;
    return isLent;
  }

  readonly #settleLater = (): void => {
    this.#isSettling = false;
    this.settle();
  };

  readonly onSession = (session: Buffer): void => {
    this.session = session;
  };

  heard(nowMs: number): void {
    this.heardAtMs = nowMs;
    this.endpoint.heard(nowMs);
  }

  /** An answer came, so long after its request. */
  answeredAfter(tookMs: number): void {
    if (this.silence !== null) this.silence.answered(tookMs);
  }

  forwardedClientOf(client: ExchangeClient): ForwardedClient {
    return this.#shared.forwardedClientOf(client);
  }

  /** Lines that every response gets. */
  get responseAdded(): string {
    const { responseVia } = this.settings;
    return responseVia === null ? '' : `Via: 1.1 ${responseVia}\r\n`;
  }

  onLoad(text: string, binary: string): void {
    this.#events.onLoad(text, binary);
  }

  onConnected(connection: Http1UpstreamConnection): void {
    if (connection.exchange === null) {
      connection.idleSinceMs = this.clock.tick();
      connection.deadlineMs = connection.idleLimitMs === 0 ? 0 : connection.idleSinceMs + connection.idleLimitMs;
      this.#idle.push(connection);
    }
    if (this.#unreachableSinceMs === 0) return;
    const downMs = this.clock.tick() - this.#unreachableSinceMs;
    this.#unreachableSinceMs = 0;
    this.#retryMs = FIRST_RETRY_MS;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#events.onReachable(downMs);
    this.endpoint.setReachable(true);
  }

  onConnectTimeout(connection: Http1UpstreamConnection): void {
    const { exchange } = connection;
    connection.destroy();
    this.#connectFailed(`no connection within ${this.settings.connectTimeoutMs} ms`);
    exchange?.onConnectionLost(Outcome.EndpointConnectTimeout, false, this.clock.nowMs);
  }

  onClosed(connection: Http1UpstreamConnection, wasConnecting: boolean, error: NodeJS.ErrnoException | null): void {
    this.#connections[connection.slot] = null;
    this.#freeSlots.push(connection.slot);
    const idle = this.#idle.lastIndexOf(connection);
    if (idle !== -1) this.#idle.splice(idle, 1);
    if (!connection.isWanted) return;
    const nowMs = this.clock.tick();
    const { exchange } = connection;
    connection.exchange = null;
    if (wasConnecting && isOurs(error) && this.#unreachableSinceMs === 0) {
      // Of the server that tells nothing, and another would be reached no better.
      exchange?.fail(Outcome.NoDescriptor);
      return;
    }
    if (wasConnecting) {
      this.#connectFailed(error?.message || error?.code || 'the connection closed before it was made');
      exchange?.onConnectionLost(Outcome.EndpointConnectFailed, false, nowMs);
      return;
    }
    if (exchange === null) return;
    if (connection.isTunnel) {
      exchange.onAborted(error !== null);
      return;
    }
    const isUnsent = connection.isUnsent(error);
    if (
      connection.closedWhileKept &&
      !connection.isReplay &&
      (isUnsent || isIdempotent(exchange.method)) &&
      exchange.isRepeatable &&
      this.endpoint.isUsable
    ) {
      // RFC 9112 section 9.3.1: the server closed the connection as it may at any time, and our request met that. A new
      // connection tells whether it is well.
      exchange.body?.rewind();
      const replay = this.#connect();
      replay.isReplay = true;
      replay.open(exchange);
      return;
    }
    exchange.onConnectionLost(Outcome.EndpointReset, !isUnsent, nowMs);
  }

  // For the owner.

  /** Deadlines of connections that have passed. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections) {
      if (connection !== null && connection.deadlineMs !== 0 && connection.deadlineMs <= nowMs) connection.onDeadline();
    }
  }

  /** When the oldest request that waits for its answer was sent; 0 = none does. */
  get owesSinceMs(): number {
    let oldestMs = 0;
    for (const connection of this.#connections) {
      const sinceMs = connection === null ? 0 : connection.owesSinceMs;
      if (sinceMs !== 0 && (oldestMs === 0 || sinceMs < oldestMs)) oldestMs = sinceMs;
    }
    return oldestMs;
  }

  /**
   * It does not answer, and others do: what may be run a second time is run there, if it has waited so long, or as long as
   * `hedge` says, and the retry budget allows.
   */
  hedge(waitedMs: number, nowMs: number): void {
    for (const connection of this.#connections) {
      const exchange = connection?.exchange ?? null;
      if (exchange === null || connection!.owesSinceMs === 0) continue;
      const limitMs = exchange.dispatcher.hedgeMs || waitedMs;
      if (nowMs - connection!.owesSinceMs < limitMs) continue;
      if (exchange.isHedgeable && exchange.hasAlternative) exchange.hedge(nowMs);
    }
  }

  /** What it carries. */
  inFlight(): Exchange[] {
    return this.#connections.flatMap((connection) => connection?.exchange ?? []);
  }

  /** Connections that there are, idle ones included. */
  get connections(): number {
    return this.#connections.length - this.#freeSlots.length;
  }

  get idleConnections(): number {
    return this.#idle.length;
  }

  get isReachable(): boolean {
    return this.#unreachableSinceMs === 0;
  }

  /** Takes nothing new; what is in flight is finished first. */
  drain(): void {
    this.#isClosing = true;
    this.endpoint.leaveAll();
    this.#stopRetrying();
    // Those that carry nothing: kept ones, and one that is being made to see whether the server is back.
    for (const connection of this.#connections) {
      if (connection !== null && connection.exchange === null && connection.isWanted) connection.destroy();
    }
    this.#tellIfIdle();
  }

  /** What is in flight is lost: taken back, to be run elsewhere or answered. */
  close(): void {
    this.#isClosing = true;
    this.endpoint.leaveAll();
    this.#stopRetrying();
    this.#shared.remove(this);
    for (const connection of this.#connections) {
      if (connection === null) continue;
      const { exchange } = connection;
      const isUnsent = connection.isUnsent(null);
      connection.destroy();
      exchange?.onConnectionLost(Outcome.EndpointReset, !isUnsent, this.clock.nowMs);
    }
  }

  #of(exchange: Exchange): Http1UpstreamConnection | null {
    const connection = this.#connections[exchange.stream];
    return connection?.exchange === exchange ? connection : null;
  }

  #takeIdle(mayBeOld: boolean): Http1UpstreamConnection | null {
    const { nowMs } = this.clock;
    for (;;) {
      const connection = this.#idle.at(-1);
      if (connection === undefined) return null;
      const idleMs = nowMs - connection.idleSinceMs;
      if (connection.idleLimitMs === 0 || idleMs < connection.idleLimitMs) {
        if (!mayBeOld && idleMs > FRESH_MS) return null;
        this.#idle.pop();
        return connection;
      }
      this.#idle.pop();
      connection.destroy();
    }
  }

  #connect(): Http1UpstreamConnection {
    const slot = this.#freeSlots.pop() ?? this.#connections.push(null) - 1;
    const connection = new Http1UpstreamConnection(this, slot, this.clock.nowMs);
    this.#connections[slot] = connection;
    return connection;
  }

  #connectFailed(reason: string): void {
    if (this.#isClosing) return;
    const nowMs = this.clock.tick();
    if (this.#unreachableSinceMs === 0) {
      this.#unreachableSinceMs = nowMs;
      this.endpoint.setReachable(false);
      this.#events.onUnreachable(reason);
    }
    if (this.#retryTimer !== null) return;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null;
      this.clock.tick();
      this.#connect();
    }, this.#retryMs);
    this.#retryTimer.unref();
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
  }

  #stopRetrying(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #tellIfIdle(): void {
    if (this.endpoint.inFlight > 0) return;
    this.#shared.remove(this);
    this.#events.onIdle();
  }
}

/** This process, or the machine, has no descriptor left. */
function isOurs(error: NodeJS.ErrnoException | null): boolean {
  return error?.code === 'EMFILE' || error?.code === 'ENFILE';
}
