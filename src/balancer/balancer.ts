import { strict as assert } from 'node:assert';
import { createPolicy } from '../balancing/policies.ts';
import type { BalancerSettings, FromBalancer, FromSupervisor, InFlightRequest } from '../channel/messages.ts';
import { ClientRegistry, type ClientTimeouts } from '../clients/client-context.ts';
import { Listener } from '../clients/listener.ts';
import { XorShift } from '../core/rng.ts';
import { Dispatcher } from '../exchange/dispatcher.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { RetryBudget } from '../exchange/retry-budget.ts';
import type { Transport } from '../exchange/transport.ts';
import { WaitQueue } from '../exchange/wait-queue.ts';
import { MAX_FIELDS } from '../http1/request-head.ts';
import { FlushTurn } from '../link/flush-turn.ts';
import { FrameType, type ListenAnswer, type ListenRequest, type ServerLimits } from '../link/frames.ts';
import { Counters } from '../observability/counters.ts';
import { Pool } from '../pool/pool.ts';
import { LinkServer } from '../transports/link-server.ts';
import type { LinkTransport } from '../transports/link-transport.ts';
import type { Port } from './ports.ts';

/** Pings to every worker. A worker that misses two gets no new request. */
const BEAT_MS = 250;

/** A beat that comes this late says that this thread was held up, and proves nothing about workers. */
const LATE_BEAT_MS = 2 * BEAT_MS;

/** Node's default for heads where the app has not said otherwise, and our ceiling: a head travels in one frame. */
const MAX_HEAD_BYTES = 64 * 1024;

/** One balancer thread: builds pools, listeners and links, and runs them. Wiring; the logic lies in the rooms below. */
export class Balancer {
  readonly #settings: BalancerSettings;
  readonly #tell: (message: FromBalancer) => void;
  readonly #counters = new Counters();
  readonly #turn = new FlushTurn();
  readonly #budget = new RetryBudget();
  readonly #rng = new XorShift();
  readonly #clients: ClientRegistry;
  readonly #links: LinkServer;
  /** By key: see {@link portKey}. */
  readonly #ports = new Map<string, Port>();
  /** For each link the listeners its app has opened: their number and the port each stands for. */
  readonly #listens = new Map<LinkTransport, Map<number, Port>>();
  readonly #draining = new Set<number>();
  readonly #beat: NodeJS.Timeout;
  #lastBeatMs = performance.now();
  #retryAfterSeconds: number | null = null;
  #isDraining = false;

  constructor(settings: BalancerSettings, tell: (message: FromBalancer) => void) {
    this.#settings = settings;
    this.#tell = tell;
    this.#clients = new ClientRegistry((id) => {
      for (const link of this.#links.links) link.connectionClosed(id);
    });
    this.#links = new LinkServer(this.#turn, {
      onLinked: (worker, pid, link) => {
        this.#listens.set(link, new Map());
        this.#tell({ type: 'worker-linked', worker, pid });
      },
      onListen: (worker, link, listenId, request) => this.#onListen(worker, link, listenId, request),
      onUnlisten: (_worker, link, listenId) => this.#onUnlisten(link, listenId),
      onConnectionClosed: (id) => this.#clients.get(id)?.closeAfterResponse(),
      onStalled: (worker, silentMs) => this.#tell({ type: 'worker-stalled', worker, silentMs }),
      onRecovered: (worker, silentMs) => this.#tell({ type: 'worker-recovered', worker, silentMs }),
      onUnlinked: (worker, link, isProtocolError, detail) => this.#onUnlinked(worker, link, isProtocolError, detail),
    });
    this.#beat = setInterval(() => this.#onBeat(), BEAT_MS);
  }

  async start(linkPath: string): Promise<void> {
    await this.#links.listen(linkPath);
    this.#tell({ type: 'ready' });
  }

  receive(message: FromSupervisor): void {
    switch (message.type) {
      case 'expect-worker':
        this.#links.expect(message.worker, message.token);
        break;
      case 'forget-worker':
        this.#draining.delete(message.worker);
        this.#links.forget(message.worker);
        break;
      case 'drain-worker':
        this.#draining.add(message.worker);
        this.#links.linkOf(message.worker)?.endpoint.setEnabled(false);
        this.#reportDrained();
        break;
      case 'unavailable':
        this.#retryAfterSeconds = message.retryAfterSeconds;
        for (const port of this.#ports.values()) port.dispatcher.setUnavailable(message.retryAfterSeconds);
        break;
      case 'drain':
        this.#isDraining = true;
        for (const port of this.#ports.values()) port.listener.close();
        this.#clients.drain(() => this.#tell({ type: 'drained' }));
        break;
      case 'close':
        this.close();
        break;
      case 'stats':
        this.#tellStats();
        break;
    }
  }

  close(): void {
    clearInterval(this.#beat);
    for (const port of this.#ports.values()) port.listener.close();
    this.#clients.destroyAll();
    this.#links.close();
  }

  #onListen(worker: number, link: LinkTransport, listenId: number, request: ListenRequest): boolean {
    const listens = this.#listens.get(link);
    if (listens === undefined) return false;
    const known = listens.get(listenId);
    if (known !== undefined) {
      // Its server's settings have changed since.
      this.#applyLimits(known, request.server);
      return true;
    }
    const port = this.#portFor(request, listens.size);
    listens.set(listenId, port);
    port.workers.set(link, listenId);
    this.#applyLimits(port, request.server);
    void port.opened.then((answer) => this.#answerListen(worker, link, listenId, port, answer));
    return true;
  }

  /** The port that a listen stands for, opened by the first worker that asks. */
  #portFor(request: ListenRequest, ordinal: number): Port {
    const replaced = ordinal === 0 && request.path === null && this.#settings.port !== null;
    const asked = replaced ? { ...request, port: this.#settings.port! } : request;
    const key = portKey(asked, ordinal);
    const existing = this.#ports.get(key);
    if (existing !== undefined) return existing;

    const pool = new Pool<Transport>();
    const policy = createPolicy(this.#settings.policy, this.#rng);
    assert(policy !== null, `the supervisor lets only known policies through, not '${this.#settings.policy}'`);
    const queue = new WaitQueue(this.#settings.queueLimit, this.#settings.queueTimeoutMs);
    const dispatcher = new Dispatcher(pool, policy, queue, this.#budget, this.#counters);
    dispatcher.setUnavailable(this.#retryAfterSeconds);
    const context = {
      listenerId: this.#ports.size,
      dispatcher,
      counters: this.#counters,
      clients: this.#clients,
      limits: { maxHeadBytes: MAX_HEAD_BYTES, maxFields: MAX_FIELDS, requireHost: true },
      timeouts: { headMs: 0, requestMs: 0, keepAliveMs: 0, responseMs: this.#settings.responseTimeoutMs },
      handlesClientError: false,
    };
    const listener = new Listener(context);
    const opened = listener.listen(asked).then(
      (address): ListenAnswer =>
        typeof address === 'string'
          ? { ok: true, address, port: -1, family: 'unix' }
          : { ok: true, address: address.address, port: address.port, family: address.family },
      (error: NodeJS.ErrnoException): ListenAnswer => {
        this.#ports.delete(key);
        return { ok: false, code: error.code ?? 'EUNKNOWN', errno: error.errno ?? 0, message: error.message };
      },
    );
    const port: Port = { key, dispatcher, context, listener, opened, workers: new Map() };
    this.#ports.set(key, port);
    return port;
  }

  #answerListen(worker: number, link: LinkTransport, listenId: number, port: Port, answer: ListenAnswer): void {
    const listens = this.#listens.get(link);
    if (listens?.get(listenId) !== port) return;
    link.control(FrameType.Listening, listenId, { ...answer, listener: port.context.listenerId });
    if (!answer.ok) {
      listens.delete(listenId);
      port.workers.delete(link);
      const { host, port: number } = addressOfKey(port.key);
      this.#tell({ type: 'listen-failed', worker, code: answer.code, address: host, port: number });
      return;
    }
    link.endpoint.join(port.dispatcher.pool);
    this.#tell({
      type: 'worker-listening',
      worker,
      listener: {
        host: answer.family === 'unix' ? null : answer.address,
        port: answer.port,
        path: answer.family === 'unix' ? answer.address : null,
        protocol: 'http',
      },
    });
  }

  #onUnlisten(link: LinkTransport, listenId: number): void {
    const listens = this.#listens.get(link);
    const port = listens?.get(listenId);
    if (listens === undefined || port === undefined) return;
    listens.delete(listenId);
    port.workers.delete(link);
    link.endpoint.leave(port.dispatcher.pool);
    // The port stays open while anybody listens; a worker that died has not closed it.
    if (port.workers.size === 0 && !this.#isDraining) {
      this.#ports.delete(port.key);
      port.listener.close();
    }
  }

  #onUnlinked(worker: number, link: LinkTransport, isProtocolError: boolean, detail: string): void {
    const nowMs = this.#clients.tick();
    const listens = this.#listens.get(link);
    this.#listens.delete(link);
    for (const port of listens?.values() ?? []) port.workers.delete(link);
    const lost = link.takeInFlight();
    this.#tell({
      type: 'worker-unlinked',
      worker,
      reason: isProtocolError ? 'protocol' : 'closed',
      detail,
      inFlight: lost.map((exchange) => describe(exchange, nowMs)),
    });
    for (const exchange of lost) exchange.onEndpointLost(nowMs);
    if (this.#draining.delete(worker)) this.#tell({ type: 'worker-drained', worker });
  }

  #applyLimits(port: Port, server: ServerLimits): void {
    const settings = this.#settings;
    const timeouts: ClientTimeouts = {
      headMs: settings.headerTimeoutMs ?? server.headersTimeoutMs,
      requestMs: server.requestTimeoutMs,
      keepAliveMs: server.keepAliveTimeoutMs === 0 ? 0 : server.keepAliveTimeoutMs + server.keepAliveBufferMs,
      responseMs: settings.responseTimeoutMs,
    };
    port.context.timeouts = timeouts;
    port.context.limits = {
      maxHeadBytes: Math.min(server.maxHeadBytes, MAX_HEAD_BYTES),
      maxFields: MAX_FIELDS,
      requireHost: server.requireHost,
    };
    port.context.handlesClientError = server.handlesClientError;
  }

  #onBeat(): void {
    const nowMs = this.#clients.tick();
    const isLate = nowMs - this.#lastBeatMs > LATE_BEAT_MS;
    this.#lastBeatMs = nowMs;
    if (!isLate) for (const link of this.#links.links) link.beat(nowMs);
    for (const port of this.#ports.values()) port.dispatcher.expire(nowMs);
    this.#reportDrained();
  }

  #reportDrained(): void {
    for (const worker of this.#draining) {
      const link = this.#links.linkOf(worker);
      if (link !== null && link.endpoint.inFlight > 0) continue;
      this.#draining.delete(worker);
      this.#tell({ type: 'worker-drained', worker });
    }
  }

  #tellStats(): void {
    const { clients, requests, retried, moved, shed } = this.#counters;
    let queued = 0;
    for (const port of this.#ports.values()) queued += port.dispatcher.queued;
    this.#tell({
      type: 'stats',
      stats: { clients, queued, requests, retried, moved, shed, workers: this.#links.stats() },
    });
  }
}

/**
 * Listens of the same address by different workers are one port. Of those that take any port, each worker's nth is the
 * same one, as in node:cluster.
 */
function portKey(request: ListenRequest, ordinal: number): string {
  if (request.path !== null) return `unix:${request.path}`;
  return request.port === 0 ? `${request.host ?? '*'}|0|${ordinal}` : `${request.host ?? '*'}|${request.port}`;
}

function addressOfKey(key: string): { host: string | null; port: number } {
  if (key.startsWith('unix:')) return { host: key.slice(5), port: -1 };
  const [host, port] = key.split('|');
  return { host: host === '*' ? null : host!, port: Number(port) };
}

function describe(exchange: Exchange, nowMs: number): InFlightRequest {
  // No query: it may hold what is nobody's business.
  const [path] = exchange.target.split('?', 1);
  return { method: exchange.methodName, target: path!, ageMs: Math.round(nowMs - exchange.startedAtMs) };
}
