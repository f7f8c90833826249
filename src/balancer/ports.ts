import { strict as assert } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenerAddress, OpenedPort, PoolSettings } from '../channel/messages.ts';
import type { ClientAdmission } from '../clients/client-admission.ts';
import type { ClientContext, ClientRegistry } from '../clients/client-context.ts';
import { Http1Connection } from '../clients/http1-connection.ts';
import { type ConnectionClass, Listener } from '../clients/listener.ts';
import { RawConnection } from '../clients/raw-connection.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';
import type { Dispatcher } from '../exchange/dispatcher.ts';
import { Router } from '../exchange/router.ts';
import { MAX_FIELDS } from '../http1/request-head.ts';
import type { ListenRequest } from '../link/frames.ts';
import type { Counters } from '../observability/counters.ts';
import type { LinkTransport } from '../transports/link-transport.ts';
import { Dispatchers, type DispatchersHost } from './dispatchers.ts';
import { connectionLimitOf, limitsOf, type PortShare, timeoutsOf } from './port-limits.ts';
import { PortOpener, type PortOpenerHost } from './port-opener.ts';

/** One address that is listened on, and the pools that share it. */
export interface Port {
  readonly key: string;
  /** What was asked for, `--port` applied, and the protocol that it speaks. */
  request: ListenRequest;
  context: ClientContext;
  readonly listener: Listener;
  /** The outcome of opening it. Never comes where it is closed while that is tried again. */
  opened: Promise<ListenAnswer>;
  /** Why it cannot be opened any more, though it was open before; that is tried on. */
  lost: ListenRefusal | null;
  /** By the pool's name. */
  readonly places: Map<string, Place>;
  /** Runs where nobody listens any more. */
  closing: NodeJS.Timeout | null;
}

type ListenRefusal = ListenAnswer & { readonly ok: false };

/** What one pool has on one port. */
export interface Place extends PortShare {
  readonly port: Port;
  settings: PoolSettings;
  readonly dispatcher: Dispatcher;
  /** Workers that listen here, with the number that each gave the listener. */
  readonly workers: Map<LinkTransport, number>;
  /** Those that listen here with a server of bytes while the port speaks HTTP, likewise: they get no connections. */
  readonly silent: Map<LinkTransport, number>;
  /** Since when nobody listens here any more; 0 = somebody does; null = nobody has yet. */
  vacantSinceMs: number | null;
}

/** What became of a port that was opened ahead. */
export interface AheadAnswer {
  /** The number of the listener. */
  readonly listener: number;
  readonly answer: ListenAnswer;
}

export interface PortsHost extends PortOpenerHost, Omit<DispatchersHost, 'clock'> {
  readonly counters: Counters;
  readonly clients: ClientRegistry;
  readonly admission: ClientAdmission;
}

/** What a client is asked to wait whose request no worker listens for any more. s */
const RETRY_AFTER_SECONDS = 1;

/** Where there are several threads, a port that nobody listens on any more closes after so long. */
const REOPEN_MS = 250;

/** A port that another process has taken is tried again after so long, then twice as long, up to the latter. ms */
const FIRST_TRY_AFTER_MS = 100;
const LAST_TRIES_AFTER_MS = 5_000;

/** So long a port that all workers of an app have left waits for one, while others of that app listen elsewhere. */
const FORSAKEN_MS = 10_000;

/** Connections that the kernel holds for a listener that does not say how many: Node's own. */
const DEFAULT_BACKLOG = 511;

/** The ports of a balancer thread. */
export class Ports {
  readonly #host: PortsHost;
  readonly #opener: PortOpener;
  readonly #dispatchers: Dispatchers;
  readonly #ports = new Map<string, Port>();
  #settings: ReadonlyMap<string, PoolSettings>;
  #nextListenerId = 0;

  constructor(pools: readonly PoolSettings[], host: PortsHost) {
    this.#settings = byName(pools);
    this.#host = host;
    this.#opener = new PortOpener(host);
    this.#dispatchers = new Dispatchers({ ...host, clock: host.clients.clock });
  }

  *places(): Iterable<Place> {
    for (const port of this.#ports.values()) yield* port.places.values();
  }

  /**
   * The place that a worker's nth listen stands for, opened by the first that asks. Its port may speak another protocol.
   *
   * @returns null when another pool has the same routes there: the address is taken.
   */
  placeFor(pool: string, request: ListenRequest, ordinal: number): Place | null {
    const settings = this.#settings.get(pool);
    if (settings === undefined) return null;
    if (request.opened !== null) return this.#ports.get(keyAhead(request.opened))?.places.get(pool) ?? null;
    const isReplaced = ordinal === 0 && request.path === null && settings.port !== null;
    const asked = isReplaced ? { ...request, port: settings.port! } : request;
    const key = keyOf(pool, asked, ordinal);
    const port = this.#ports.get(key) ?? this.#add(key, asked);
    const existing = port.places.get(pool);
    if (existing !== undefined) return existing;
    if (port.closing !== null) {
      clearTimeout(port.closing);
      port.closing = null;
      this.#turnTo(port, request.protocol);
      this.#opener.kept(port.key);
    }
    // Bytes have no host and no path to go by.
    const hasBytes = request.protocol === 'tcp' || port.request.protocol === 'tcp';
    const isShared = (other: Place): boolean => hasBytes || haveSameRoute(other.settings, settings);
    if ([...port.places.values()].some(isShared)) return null;
    return this.#addPlace(port, settings, request);
  }

  /** From now on the port of this place, which has no other, speaks the protocol of this request. @returns the place for it */
  speak(place: Place, request: ListenRequest): Place {
    const { port, settings } = place;
    this.#abandon(place);
    this.#turnTo(port, request.protocol);
    return this.#addPlace(port, settings, request);
  }

  /** Who waits there, or comes back, waits in vain: nobody looks after it from now on. */
  #abandon({ port, settings, dispatcher }: Place): void {
    port.places.delete(settings.name);
    dispatcher.setUnavailable(RETRY_AFTER_SECONDS);
  }

  #turnTo(port: Port, protocol: ListenRequest['protocol']): void {
    if (port.request.protocol === protocol) return;
    // The connections that it has are of the other one.
    this.#host.clients.drainListener(port.context.listenerId);
    port.request = { ...port.request, protocol };
    port.context = this.#contextFor(protocol, port.places);
    port.listener.serve(port.context, connectionClassFor(protocol));
  }

  /** Tells what came of opening a port; where that is a refusal, and it was open before, once more when it is open again. */
  whenOpened(port: Port, tell: (answer: ListenAnswer) => void): void {
    if (port.lost !== null) tell(port.lost);
    void port.opened.then((answer) => {
      if (answer.ok || port.lost === null) tell(answer);
      else this.whenOpened(port, tell);
    });
  }

  /** Opens a port for a listener that its worker has still to tell of; what comes until then waits. */
  async openAhead(pool: string, request: ListenRequest): Promise<AheadAnswer> {
    const settings = this.#settings.get(pool);
    assert(settings !== undefined, `no pool ${pool}`);
    const port = this.#add(keyAhead(this.#nextListenerId), request);
    this.#addPlace(port, settings, request);
    return { listener: port.context.listenerId, answer: await port.opened };
  }

  /** The app has closed that listener, whether it was told of by then or not. */
  closeAhead(listener: number): void {
    for (const place of this.#ports.get(keyAhead(listener))?.places.values() ?? []) this.leave(place);
  }

  #addPlace(port: Port, settings: PoolSettings, request: ListenRequest): Place {
    const place: Place = {
      port,
      settings,
      dispatcher: this.#dispatchers.make(settings),
      workers: new Map(),
      silent: new Map(),
      vacantSinceMs: null,
      server: request.server,
    };
    port.places.set(settings.name, place);
    refresh(port);
    return place;
  }

  /** What a pool's server allows has changed. */
  applyLimits(place: Place, server: ListenRequest['server']): void {
    place.server = server;
    refresh(place.port);
  }

  /** Nobody of this pool listens there any more; with its last pool a port closes. */
  leave(place: Place): void {
    const { port } = place;
    this.#abandon(place);
    refresh(port);
    if (port.places.size > 0) return;
    this.#host.clients.drainListener(port.context.listenerId);
    // Each thread hears of listeners in its own time. One that opens the port again finds it at none of them half closed.
    if (this.#host.threads === 1) this.#close(port);
    else port.closing = setTimeout(() => this.#close(port), REOPEN_MS).unref();
  }

  /** The same where the options have its app no more, and the last of its workers has gone: no other will come. */
  leaveIfForsaken(place: Place): void {
    const { settings } = place;
    if (this.#settings.has(settings.name) || settings.servers !== null) return;
    if (isVacant(place)) this.leave(place);
  }

  /** The same where its app is there and has moved: the workers that a reload has brought listen elsewhere. */
  #leaveForsaken(nowMs: number): void {
    for (const place of [...this.places()]) {
      const { name, servers, queueTimeoutMs } = place.settings;
      if (servers !== null || !isVacant(place)) {
        place.vacantSinceMs = 0;
        continue;
      }
      if (place.vacantSinceMs === 0) place.vacantSinceMs = nowMs;
      if (place.vacantSinceMs === null || nowMs - place.vacantSinceMs < Math.max(FORSAKEN_MS, queueTimeoutMs)) continue;
      const isElsewhere = (other: Place): boolean => other.settings.name === name && !isVacant(other);
      if ([...this.places()].some(isElsewhere)) this.leave(place);
    }
  }

  #close(port: Port): void {
    if (this.#ports.get(port.key) === port) this.#ports.delete(port.key);
    this.#opener.forget(port.key);
    port.listener.close();
    if (this.#host.thread === 0) this.#host.tell({ type: 'port-closed', key: port.key });
  }

  /**
   * Connections that the kernel has completed are ours, though we have not seen them yet: closing a listener would reset
   * them. libuv accepts one in each turn of the loop, so turns are let pass until two have brought none. Where there is no
   * end of newcomers, those that have come after as many as the kernel holds were not there when this began.
   */
  async acceptCompleted(limitMs: number): Promise<void> {
    const ports = [...this.#ports.values()].map(({ listener, request }) => {
      return { listener, last: listener.accepted + 1 + (request.backlog === 0 ? DEFAULT_BACKLOG : request.backlog) };
    });
    const accepted = (): number =>
      ports.reduce((sum, { listener, last }) => sum + Math.min(listener.accepted, last), 0);
    const endMs = performance.now() + limitMs;
    let before = accepted();
    for (let idleTurns = 0; idleTurns < 2 && performance.now() < endMs; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = accepted();
      idleTurns = now === before ? idleTurns + 1 : 0;
      before = now;
    }
  }

  closeListeners(): void {
    for (const port of this.#ports.values()) port.listener.close();
  }

  setUnavailable(pool: string, retryAfterSeconds: number | null): void {
    this.#dispatchers.setUnavailable(pool, retryAfterSeconds, this.#inUse(pool));
  }

  setQuarantine(pool: string, suspects: readonly string[], refused: readonly string[]): void {
    this.#dispatchers.setQuarantine(pool, suspects, refused, this.#inUse(pool));
  }

  /** The options have been read again. A pool that is gone goes on until its workers have. */
  configure(pools: readonly PoolSettings[]): void {
    this.#settings = byName(pools);
    for (const place of this.places()) {
      const settings = this.#settings.get(place.settings.name);
      if (settings === undefined) {
        this.leaveIfForsaken(place);
        continue;
      }
      place.settings = settings;
      this.#dispatchers.configure(place.dispatcher, settings);
      refresh(place.port);
    }
  }

  /** Thread 0 has opened a port: accept there, too. */
  adopt(opened: OpenedPort): void {
    this.#opener.adopt(opened, this.#ports.get(opened.key)?.closing === null);
  }

  #add(key: string, request: ListenRequest): Port {
    const places = new Map<string, Place>();
    const context = this.#contextFor(request.protocol, places);
    const listener = new Listener(context, connectionClassFor(request.protocol));
    const opened = this.#opener.open(key, listener, request);
    const port: Port = { key, request, context, listener, opened, lost: null, places, closing: null };
    this.#ports.set(key, port);
    void opened.then((answer) => {
      if (answer.ok || this.#ports.get(key) !== port) return;
      const before = this.#opener.answerBefore(key);
      if (before?.ok) this.#lose(port, answer, addressOf(before, request.protocol));
      else this.#ports.delete(key);
    });
    return port;
  }

  /** The thread that had it open has died, and another process has it now, or the system has nothing left for it. */
  #lose(port: Port, refusal: ListenRefusal, listener: ListenerAddress): void {
    port.lost = refusal;
    port.opened = this.#tryOn(port);
    const { key } = port;
    if (this.#host.thread === 0) this.#host.tell({ type: 'port-lost', key, listener, message: refusal.message });
  }

  async #tryOn(port: Port): Promise<ListenAnswer> {
    for (let delayMs = FIRST_TRY_AFTER_MS; ; delayMs = Math.min(2 * delayMs, LAST_TRIES_AFTER_MS)) {
      await sleep(delayMs);
      if (port.listener.isClosed) return new Promise(() => {});
      const answer = await this.#opener.open(port.key, port.listener, port.request);
      if (!answer.ok) continue;
      port.lost = null;
      return answer;
    }
  }

  #contextFor(protocol: ListenRequest['protocol'], places: ReadonlyMap<string, Place>): ClientContext {
    return {
      listenerId: this.#nextListenerId++,
      router: new Router(),
      counters: this.#host.counters,
      clients: this.#host.clients,
      limits: { maxHeadBytes: 0, maxFields: MAX_FIELDS, requireHost: true },
      timeouts: { headMs: 0, requestMs: 0, bodyMs: 0, keepAliveMs: 0 },
      handlesClientError: false,
      admission: this.#host.admission,
      pause: this.#host.pause,
      speaksHttp: protocol === 'http',
      connections: 0,
      connectionLimit: () => connectionLimitOf(places.values(), this.#host.threads),
    };
  }

  /** To be called now and then. */
  step(nowMs: number): void {
    this.#leaveForsaken(nowMs);
    this.#dispatchers.step(nowMs, this.#inUse());
  }

  /** @param pool null = all */
  *#inUse(pool: string | null = null): Iterable<Dispatcher> {
    for (const { settings, dispatcher } of this.places()) {
      if (pool === null || settings.name === pool) yield dispatcher;
    }
  }
}

/** Its pools, their routes or what their servers allow have changed. */
function refresh({ context, places }: Port): void {
  const shares = [...places.values()];
  context.router.set(
    shares.flatMap(({ settings, dispatcher }) => {
      const routes = settings.routes.length === 0 ? [{ host: null, path: '' }] : settings.routes;
      return routes.map((route) => ({ ...route, dispatcher }));
    }),
  );
  if (shares.length === 0) return;
  context.limits = limitsOf(shares);
  context.timeouts = timeoutsOf(shares);
  context.handlesClientError = shares.length === 1 && shares[0]!.server.handlesClientError;
}

function isVacant({ workers, silent, dispatcher }: Place): boolean {
  return workers.size === 0 && silent.size === 0 && dispatcher.pool.members.size === 0;
}

function haveSameRoute(a: PoolSettings, b: PoolSettings): boolean {
  if (a.routes.length === 0 || b.routes.length === 0) return a.routes.length === b.routes.length;
  return a.routes.some((one) => b.routes.some((other) => one.host === other.host && one.path === other.path));
}

function byName(pools: readonly PoolSettings[]): Map<string, PoolSettings> {
  return new Map(pools.map((pool) => [pool.name, pool]));
}

/**
 * Listens of the same address by different workers are one port. Of those that take any port, each worker's nth is the
 * same one within its app, as in node:cluster.
 */
function keyOf(pool: string, request: ListenRequest, ordinal: number): string {
  const { protocol, host, port, path } = request;
  if (path !== null) return `unix:${path}`;
  return port === 0 ? `${protocol}|${host ?? '*'}|0|${ordinal}|${pool}` : `${host ?? '*'}|${port}`;
}

function connectionClassFor(protocol: ListenRequest['protocol']): ConnectionClass {
  return protocol === 'tcp' ? RawConnection : Http1Connection;
}

function keyAhead(listener: number): string {
  return `ahead|${listener}`;
}

/** Where a port is reached that was opened with this answer. */
export function addressOf(
  { address, port, family }: ListenAnswer & { ok: true },
  protocol: ListenRequest['protocol'],
): ListenerAddress {
  const isPath = family === 'unix';
  return { host: isPath ? null : address, port, path: isPath ? address : null, protocol };
}
