import type { Clock } from '../core/clock.ts';
import type { Router } from '../exchange/router.ts';
import type { ConnectionEnd } from '../exchange/transport.ts';
import type { HeadLimits } from '../http1/request-head.ts';
import type { Counters } from '../observability/counters.ts';
import type { AcceptPause } from './accept-pause.ts';
import type { ClientAdmission } from './client-admission.ts';

/** Time-outs of client connections. ms; 0 = off. */
export interface ClientTimeouts {
  /** From the first byte of a head to its last. Expiry: 408. */
  readonly headMs: number;
  /** From the first byte of a request to the last of its body. Expiry: 408. */
  readonly requestMs: number;
  /** Silence of a client within a body that the endpoint would take more of. Expiry: 408. */
  readonly bodyMs: number;
  /** Silence between two requests. Expiry: closed. */
  readonly keepAliveMs: number;
}

/** What all connections of one listener share. Replaced as a whole when the app's settings change. */
export interface ClientContext {
  readonly listenerId: number;
  readonly router: Router;
  readonly counters: Counters;
  readonly clients: ClientRegistry;
  limits: HeadLimits;
  timeouts: ClientTimeouts;
  /** Malformed requests go to the app, which listens for 'clientError'. */
  handlesClientError: boolean;
  /** Limits of the whole instance; null = none. */
  readonly admission: ClientAdmission | null;
  /** null = accepting is never paused. */
  readonly pause: AcceptPause | null;
  /** Clients that are not let in are told so in HTTP. */
  readonly speaksHttp: boolean;
  /** Open ones. */
  connections: number;
  /** How many there may be: what the app's `maxConnections` comes to. */
  connectionLimit(): number;
}

/** A client connection as the thread's housekeeping sees it. */
export interface ClientConnection {
  readonly id: number;
  /** Of the listener that made it. */
  readonly listenerId: number;
  /** When {@link onDeadline} is due; 0 = never. Monotonic ms. */
  deadlineMs: number;
  /** Nothing is asked on it, so that it may be closed to make room. */
  readonly isIdle: boolean;
  /** Since when, where it is. Monotonic ms. */
  readonly idleSinceMs: number;
  /** Once it is closed: how. */
  readonly end: ConnectionEnd;
  onDeadline(): void;
  /** Close when idle, else after the response in progress. */
  drain(): void;
  /** The endpoint's app closed it. */
  closeAfterResponse(): void;
  /** The app wants keep-alive probes of the kernel's. */
  probe(isOn: boolean, afterSeconds: number): void;
  destroy(): void;
}

/** Precision of all time-outs. One sweep costs 10 ns a connection, a timer of its own 100 ns a request. */
const SWEEP_INTERVAL_MS = 100;

/**
 * Where a connection stands in the registry; null once it has gone. V8 keeps what stood in a Map's table when that was
 * replaced by another, which many short connections bring about all the time, until the old generation is collected: 5 ms
 * for each collection of the young one, where the connections themselves stood there.
 */
interface Place {
  connection: ClientConnection | null;
}

/** All client connections of a thread, and their deadlines. */
export class ClientRegistry {
  readonly #places = new Map<number, Place>();
  readonly #onClosed: (connectionId: number, end: ConnectionEnd) => void;
  readonly #sweep: NodeJS.Timeout;
  #lastId: number;
  #isDraining = false;
  #onEmpty: (() => void) | null = null;
  readonly clock: Clock;

  /**
   * @param onClosed told of every connection that closed
   * @param lastId the number before the first one
   */
  constructor(clock: Clock, onClosed: (connectionId: number, end: ConnectionEnd) => void, lastId: number = 0) {
    this.clock = clock;
    this.#onClosed = onClosed;
    this.#lastId = lastId;
    // After the loop's poll phase: when this thread was late, what clients sent in time lies in the kernel unread, and an
    // idle connection that brings its next request must not be closed for it.
    this.#sweep = setInterval(() => setImmediate(() => this.#expire()), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  get size(): number {
    return this.#places.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * An id for a new connection, unique in the thread as long as it lives. Numbers go round after 2^32; one that a
   * connection has kept all the while is passed over.
   */
  nextId(): number {
    let id = this.#lastId;
    do id = (id + 1) >>> 0;
    while (id === 0 || this.#places.has(id));
    this.#lastId = id;
    return id;
  }

  *[Symbol.iterator](): Generator<ClientConnection> {
    for (const { connection } of this.#places.values()) if (connection !== null) yield connection;
  }

  add(connection: ClientConnection): void {
    this.#places.set(connection.id, { connection });
  }

  get(id: number): ClientConnection | null {
    return this.#places.get(id)?.connection ?? null;
  }

  remove(connection: ClientConnection): void {
    const place = this.#places.get(connection.id);
    if (place === undefined) return;
    place.connection = null;
    this.#places.delete(connection.id);
    this.#onClosed(connection.id, connection.end);
    if (this.#places.size === 0) this.#onEmpty?.();
  }

  /** Closes every connection as soon as nothing is in progress on it; then calls back. */
  drain(onEmpty: () => void): void {
    this.#isDraining = true;
    this.#onEmpty = onEmpty;
    for (const connection of [...this]) connection.drain();
    if (this.#places.size === 0) onEmpty();
  }

  /** Nobody serves this listener any more: its connections close as soon as nothing is in progress on them. */
  drainListener(listenerId: number): void {
    for (const connection of [...this]) {
      if (connection.listenerId === listenerId) connection.drain();
    }
  }

  destroyAll(): void {
    clearInterval(this.#sweep);
    for (const connection of [...this]) connection.destroy();
  }

  #expire(): void {
    const nowMs = this.clock.tick();
    for (const { connection } of this.#places.values()) {
      if (connection === null) continue;
      const { deadlineMs } = connection;
      if (deadlineMs !== 0 && deadlineMs <= nowMs) connection.onDeadline();
    }
  }
}
