import { strict as assert } from 'node:assert';
import type { AddressInfo } from 'node:net';
import { createPolicy } from '../balancing/policies.ts';
import type { BalancerSettings, FromBalancer, OpenedPort } from '../channel/messages.ts';
import type { ClientContext, ClientRegistry } from '../clients/client-context.ts';
import { Listener } from '../clients/listener.ts';
import type { ListenAnswer } from '../core/listen-answer.ts';
import { CAN_REUSE_PORT } from '../core/reuse-port.ts';
import type { Rng } from '../core/rng.ts';
import { Dispatcher } from '../exchange/dispatcher.ts';
import { RetryBudget } from '../exchange/retry-budget.ts';
import type { Transport } from '../exchange/transport.ts';
import { WaitQueue } from '../exchange/wait-queue.ts';
import { MAX_FIELDS } from '../http1/request-head.ts';
import type { ListenRequest, ServerLimits } from '../link/frames.ts';
import type { Counters } from '../observability/counters.ts';
import { Pool } from '../pool/pool.ts';
import type { LinkTransport } from '../transports/link-transport.ts';

/** A head travels in one frame: whatever the app allows, no more than this. */
const MAX_HEAD_BYTES = 64 * 1024;

/** One address that the app listens on: its pool, its context, and who listens there. */
export interface Port {
  readonly key: string;
  /** What was asked for, `--port` applied. */
  readonly request: ListenRequest;
  readonly dispatcher: Dispatcher;
  readonly context: ClientContext;
  readonly listener: Listener;
  /** The outcome of opening it. */
  readonly opened: Promise<ListenAnswer>;
  /** Workers that listen here, with the number that each gave the listener. */
  readonly workers: Map<LinkTransport, number>;
}

export interface PortsHost {
  readonly settings: BalancerSettings;
  /** Index of this thread; thread 0 opens ports first, the others join it there. */
  readonly thread: number;
  readonly threads: number;
  readonly counters: Counters;
  readonly clients: ClientRegistry;
  readonly rng: Rng;
  tell(message: FromBalancer): void;
}

/** The ports of a balancer thread. */
export class Ports {
  readonly #host: PortsHost;
  readonly #budget = new RetryBudget();
  readonly #ports = new Map<string, Port>();
  /** What thread 0 has told of ports. */
  readonly #announced = new Map<string, OpenedPort>();
  readonly #awaited = new Map<string, (opened: OpenedPort) => void>();
  #nextListenerId = 0;
  #retryAfterSeconds: number | null = null;

  constructor(host: PortsHost) {
    this.#host = host;
  }

  [Symbol.iterator](): IterableIterator<Port> {
    return this.#ports.values();
  }

  /** The port that a worker's nth listen stands for, opened by the first that asks. */
  portFor(request: ListenRequest, ordinal: number): Port {
    const { settings } = this.#host;
    const isReplaced = ordinal === 0 && request.path === null && settings.port !== null;
    const asked = isReplaced ? { ...request, port: settings.port! } : request;
    const key = keyOf(asked, ordinal);
    const existing = this.#ports.get(key);
    if (existing !== undefined) return existing;

    const pool = new Pool<Transport>();
    const policy = createPolicy(settings.policy, this.#host.rng);
    assert(policy !== null, `the supervisor lets only known policies through, not '${settings.policy}'`);
    const queue = new WaitQueue(settings.queueLimit, settings.queueTimeoutMs);
    const dispatcher = new Dispatcher(pool, policy, queue, this.#budget, this.#host.counters, this.#host.clients.clock);
    dispatcher.setUnavailable(this.#retryAfterSeconds);
    const context: ClientContext = {
      listenerId: this.#nextListenerId++,
      dispatcher,
      counters: this.#host.counters,
      clients: this.#host.clients,
      limits: { maxHeadBytes: MAX_HEAD_BYTES, maxFields: MAX_FIELDS, requireHost: true },
      timeouts: { headMs: 0, requestMs: 0, keepAliveMs: 0, responseMs: settings.responseTimeoutMs },
      handlesClientError: false,
    };
    applyLimits(context, request.server, settings);
    const listener = new Listener(context);
    const opened = this.#host.thread === 0 ? this.#open(key, listener, asked) : this.#join(key, listener, asked);
    const port: Port = { key, request: asked, dispatcher, context, listener, opened, workers: new Map() };
    this.#ports.set(key, port);
    void opened.then((answer) => {
      if (!answer.ok && this.#ports.get(key) === port) this.#ports.delete(key);
    });
    return port;
  }

  /** The settings of a port's server have changed. */
  applyLimits(port: Port, server: ServerLimits): void {
    applyLimits(port.context, server, this.#host.settings);
  }

  /** Nobody listens there any more. */
  close(port: Port): void {
    if (this.#ports.get(port.key) === port) this.#ports.delete(port.key);
    this.#announced.delete(port.key);
    port.listener.close();
    this.#host.clients.drainListener(port.context.listenerId);
  }

  closeListeners(): void {
    for (const port of this.#ports.values()) port.listener.close();
  }

  setUnavailable(retryAfterSeconds: number | null): void {
    this.#retryAfterSeconds = retryAfterSeconds;
    for (const port of this.#ports.values()) port.dispatcher.setUnavailable(retryAfterSeconds);
  }

  /** Thread 0 has opened a port: accept there, too. */
  adopt(opened: OpenedPort): void {
    this.#announced.set(opened.key, opened);
    this.#awaited.get(opened.key)?.(opened);
    this.#awaited.delete(opened.key);
  }

  async #open(key: string, listener: Listener, request: ListenRequest): Promise<ListenAnswer> {
    const isShared = this.#host.threads > 1;
    // A thread that was restarted takes the port that the others still have.
    const before = this.#announced.get(key)?.answer;
    const port = before?.ok ? before.port : request.port;
    const reusePort = isShared && CAN_REUSE_PORT && request.path === null;
    const answer = await listener.listen({ ...request, port, reusePort }).then(answerOf, errorAnswerOf);
    if (isShared) this.#host.tell({ type: 'port-opened', opened: { key, fd: listener.descriptor, answer } });
    return answer;
  }

  /** A thread other than 0: on a socket of its own where the system can, else on thread 0's. */
  async #join(key: string, listener: Listener, request: ListenRequest): Promise<ListenAnswer> {
    const { fd, answer } =
      this.#announced.get(key) ?? (await new Promise<OpenedPort>((resolve) => this.#awaited.set(key, resolve)));
    // Of a Unix socket there is one; thread 0 accepts for all.
    if (!answer.ok || request.path !== null) return answer;
    if (!CAN_REUSE_PORT) {
      await listener.adopt(fd);
      return answer;
    }
    return listener.listen({ ...request, port: answer.port, reusePort: true }).then(answerOf, errorAnswerOf);
  }
}

function applyLimits(context: ClientContext, server: ServerLimits, settings: BalancerSettings): void {
  context.timeouts = {
    headMs: settings.headerTimeoutMs ?? server.headersTimeoutMs,
    requestMs: server.requestTimeoutMs,
    keepAliveMs: server.keepAliveTimeoutMs === 0 ? 0 : server.keepAliveTimeoutMs + server.keepAliveBufferMs,
    responseMs: settings.responseTimeoutMs,
  };
  context.limits = {
    maxHeadBytes: Math.min(server.maxHeadBytes, MAX_HEAD_BYTES),
    maxFields: MAX_FIELDS,
    requireHost: server.requireHost,
  };
  context.handlesClientError = server.handlesClientError;
}

/**
 * Listens of the same address by different workers are one port. Of those that take any port, each worker's nth is the
 * same one, as in node:cluster.
 */
function keyOf(request: ListenRequest, ordinal: number): string {
  if (request.path !== null) return `unix:${request.path}`;
  return request.port === 0 ? `${request.host ?? '*'}|0|${ordinal}` : `${request.host ?? '*'}|${request.port}`;
}

function answerOf(address: AddressInfo | string): ListenAnswer {
  return typeof address === 'string'
    ? { ok: true, address, port: -1, family: 'unix' }
    : { ok: true, address: address.address, port: address.port, family: address.family };
}

function errorAnswerOf(error: NodeJS.ErrnoException): ListenAnswer {
  return { ok: false, code: error.code ?? 'EUNKNOWN', errno: error.errno ?? 0, message: error.message };
}
