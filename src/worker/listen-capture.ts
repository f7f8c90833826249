import { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import { chmodSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { resolve } from 'node:path';
import type { ListenAnswer } from '../core/listen-answer.ts';
import { setImmediate } from '../core/timers.ts';
import type { Listening, ListenRequest } from '../link/frames.ts';
import type { LinkListener } from './link-client.ts';
import { LinkSocket } from './link-socket.ts';
import type { Links } from './links.ts';
import type { CapturableServer, Listen2, ServerResponse } from './node-http.ts';
import { nodeNet } from './node-net.ts';
import { noteSecureWebSockets } from './secure-web-sockets.ts';
import { shareTickets } from './shared-tickets.ts';
import { isTunnel } from './tunnel.ts';
import { endUnreadRequests } from './unread-requests.ts';

/** The links, dialled when something listens and not before. */
export interface LinksOnDemand {
  current: Links | null;
  dial(): Links;
  /** Who dials uses up what may be meant for a process further down. */
  readonly travels?: boolean;
  /** Opens ports at once; where it is not there the balancer's answer comes over the link. */
  readonly desk?: ListenDesk;
}

/** Opens and closes a port while the caller waits. */
export interface ListenDesk {
  open(request: ListenRequest): { readonly listener: number; readonly answer: ListenAnswer };
  close(listener: number): void;
}

/** Where Node tells what became of a listen(). */
const LISTENS = channel('tracing:net.server.listen:asyncEnd');
const LISTEN_FAILED = channel('tracing:net.server.listen:error');

/** Servers that were told to listen with `exclusive: true`. */
const exclusive = new WeakSet<net.Server>();

/** From here on, servers of this process listen at the balancer. */
export function captureListen(links: LinksOnDemand): void {
  const prototype = net.Server.prototype as unknown as { _listen2: Listen2 };
  const listenItself = prototype._listen2;
  prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
    const isForForks = isOfClusterPrimary(this);
    if (isForForks && links.desk === undefined) tellOfForks(links, port < 0 ? address! : `port ${port}`);
    const isOwn = (typeof fd === 'number' && fd >= 0) || isExclusive(this, port) || isForForks;
    const isForItsLike = links.travels === true && links.current === null && isBetweenProcesses(this, address, port);
    const isOurs = this._handle === null && !isOwn && !isForItsLike;
    if (!isOurs) {
      listenItself.call(this, address, port, addressType, backlog, fd, flags);
      return;
    }
    new CapturedListener(links, this, address, port, addressType, backlog, flags);
  };
  noteExclusive();
  resetTunnels();
  closeLinkSockets(links);
  endMessages();
  endUnreadRequests();
}

/** A server that listens at the balancer. Stands in for its handle. */
class CapturedListener implements LinkListener {
  readonly server: CapturableServer;
  readonly #links: Links;
  readonly #desk: ListenDesk | null;
  readonly #request: Omit<ListenRequest, 'server' | 'pathMode' | 'opened'>;
  readonly scope = new AsyncResource('TCPSERVERWRAP');
  /** Number among the links' listeners; -1 = it is none of them. */
  #id = -1;
  readonly #addressType: number;
  /** Where it listens; what was asked for until the balancer has answered. */
  #address: { address: string; family: string; port: number } | string;
  /** Whom a Unix socket is opened to, as libuv's bits. */
  #pathMode = 0;
  /** The balancer's number of it, where it was opened at once. */
  #opened: number | null = null;
  #isAnswered = false;
  #isClosed = false;
  /** Whether the app wants it to keep the process alive, once it listens. Until then it does. */
  #isWanted: boolean;

  constructor(
    links: LinksOnDemand,
    server: CapturableServer,
    address: string | null,
    port: number,
    addressType: number,
    backlog: number | false | undefined,
    flags: number | undefined,
  ) {
    this.#links = links.dial();
    this.#desk = links.desk ?? null;
    this.server = server;
    this.#isWanted = !server._unref;
    this.#addressType = addressType;
    const isPath = port < 0;
    this.#request = {
      host: isPath ? null : address,
      port: isPath ? -1 : port,
      path: isPath ? absolutePath(address!) : null,
      ipv6Only: ((flags ?? 0) & UV_TCP_IPV6ONLY) !== 0,
      // Node passes on a false where listen() was called with a host or a callback in the place of the number.
      backlog: typeof backlog === 'number' ? backlog : 0,
      protocol: server instanceof http.Server ? 'http' : 'tcp',
    };
    const host = address ?? '::';
    this.#address = isPath ? address! : { address: host, family: net.isIPv4(host) ? 'IPv4' : 'IPv6', port };
    const handle: Record<PropertyKey, unknown> = this.#handle();
    // By these Node's own code accepts a connection.
    if (this.#request.protocol === 'tcp') {
      handle[nodeNet().owner] = server;
      noteSecureWebSockets(server);
    }
    server._handle = handle;
    server._connectionKey = `${addressType}:${address}:${port}`;
    if (this.#desk !== null && !this.#openAtOnce(this.#desk)) return;
    this.#id = this.#links.add(this);
    this.#keepAliveAsWanted();
  }

  /** As Node does: the address is there when listen() returns, 'listening' or 'error' follow. */
  #openAtOnce(desk: ListenDesk): boolean {
    const { listener, answer } = desk.open(this.request());
    const { server } = this;
    this.#isAnswered = true;
    if (!answer.ok) {
      this.#isClosed = true;
      server._handle = null;
      const error = this.#listenError(answer);
      process.nextTick(() => server.emit('error', error));
      return false;
    }
    this.#opened = listener;
    this.#setAddress(answer);
    LISTENS.publish({ server });
    const handle = server._handle;
    process.nextTick(() => {
      if (server._handle === handle) server.emit('listening');
    });
    return true;
  }

  /** The server's settings as they are now: apps set them after listen(), too. */
  request(): ListenRequest {
    const server = this.server as unknown as http.Server & {
      keepAliveTimeoutBuffer?: number;
      requireHostHeader?: boolean;
      maxHeaderSize?: number;
    };
    return {
      ...this.#request,
      pathMode: this.#pathMode,
      opened: this.#opened,
      server: {
        headersTimeoutMs: positive(server.headersTimeout),
        requestTimeoutMs: positive(server.requestTimeout),
        keepAliveTimeoutMs: positive(server.keepAliveTimeout),
        keepAliveBufferMs: positive(server.keepAliveTimeoutBuffer ?? 1000),
        idleTimeoutMs: positive(server.timeout),
        maxHeadBytes: server.maxHeaderSize || http.maxHeaderSize,
        maxFields: maxFieldsOf(server),
        maxConnections: maxConnectionsOf(server),
        requireHost: server.requireHostHeader !== false,
        handlesClientError: server.listenerCount('clientError') > 0,
      },
    };
  }

  onAnswer(answer: Listening): void {
    try {
      this.#onAnswer(answer);
    } finally {
      // Nothing but a look whether the port is free, it would have been closed by now.
      if (this.#request.protocol === 'tcp') this.#links.stays(this.#id);
    }
  }

  #onAnswer(answer: Listening): void {
    if (this.#isAnswered || this.#isClosed) return;
    this.#isAnswered = true;
    if (answer.ok) {
      this.#setAddress(answer);
      if (answer.ticketKeys !== null) shareTickets(this.server, answer.ticketKeys);
      this.#keepAliveAsWanted();
      LISTENS.publish({ server: this.server });
      this.server.emit('listening');
      return;
    }
    this.#close();
    this.server._handle = null;
    this.server.emit('error', this.#listenError(answer));
  }

  /** On Node alone 'listening' needs no turn of the event loop, so that it comes before a process without handles ends. */
  #keepAliveAsWanted(): void {
    if (this.#isClosed || !this.#isAnswered) return;
    if (this.#isWanted) this.#links.ref(this.#id);
    else this.#links.unref(this.#id);
  }

  /** A path stays what was asked for. */
  #setAddress({ address, port, family }: ListenAnswer & { ok: true }): void {
    if (family !== 'unix') this.#address = { address, family, port };
  }

  /** The error that Node's own listen would have given; and told of. */
  #listenError(answer: ListenAnswer & { ok: false }): Error {
    const { host, port, path } = this.#request;
    const name = host ?? '::';
    const where = path !== null ? this.#address : port > 0 ? `${name}:${port}` : name;
    const reason = answer.message.match(/: (.+?) [^ ]+$/)?.[1] ?? 'failed';
    const error = Object.assign(new Error(`listen ${answer.code}: ${reason} ${where}`), {
      code: answer.code,
      errno: answer.errno,
      syscall: 'listen',
      address: path === null ? name : this.#address,
      ...(port !== 0 ? { port } : {}),
    });
    LISTEN_FAILED.publish({ server: this.server, error });
    return error;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#links.remove(this.#id, this.server);
    if (this.#opened !== null) this.#desk?.close(this.#opened);
  }

  /** What net.Server does with the handle of a server that listens. */
  #handle(): Record<PropertyKey, unknown> {
    return {
      onconnection: null,
      listen: () => 0,
      // Called within listen(), before the balancer is told.
      fchmod: (mode: number) => {
        this.#pathMode = mode;
        if (this.#opened !== null) openPath(this.#request.path!, mode);
        return 0;
      },
      close: (callback?: () => void) => {
        this.#close();
        if (callback) setImmediate(callback);
      },
      ref: () => {
        this.#isWanted = true;
        this.#keepAliveAsWanted();
      },
      unref: () => {
        this.#isWanted = false;
        this.#keepAliveAsWanted();
      },
      hasRef: () => this.#isWanted,
      ...(this.#addressType === -1
        ? {}
        : {
            getsockname: (out: Record<string, unknown>) => {
              Object.assign(out, this.#address);
              return 0;
            },
          }),
    };
  }
}

/**
 * The server by which a primary of node:cluster accepts for its workers. It takes the handle out and sends what that
 * accepts to other processes, which only a kernel's handle can be. Known by the listener that it is made with, `assert.fail`.
 */
function isOfClusterPrimary(server: net.Server): boolean {
  if (Object.getPrototypeOf(server) !== net.Server.prototype) return false;
  const listeners = server.listeners('connection');
  return listeners.length === 1 && listeners[0]!.name === 'fail';
}

let isToldOfForks = false;

/**
 * What an app's own workers of node:cluster listen on is opened past Evener, and by each of Evener's workers again. An app
 * that listens itself as well is a worker all the same.
 */
function tellOfForks(links: LinksOnDemand, where: string): void {
  const text =
    `the app forks workers of node:cluster, which would share ${where} past Evener; ` +
    'Evener starts the workers: let the script listen without cluster.fork()';
  if (links.current !== null) {
    if (!isToldOfForks) process.emitWarning(text);
    isToldOfForks = true;
    return;
  }
  process.stderr.write(`Error: ${text}\n`);
  process.exit(1);
}

/**
 * Whether it listens for other processes of its command: on a Unix path, as the programs do that run TypeScript and start
 * the app in a second process; or, forked, on any port of loopback, which nobody but its parent hears of.
 */
function isBetweenProcesses(server: net.Server, address: string | null, port: number): boolean {
  if (port < 0) return Object.getPrototypeOf(server) === net.Server.prototype;
  const isLoopback = address !== null && (address === '::1' || address.startsWith('127.'));
  return port === 0 && isLoopback && process.channel !== undefined;
}

/**
 * Whether it stays on a handle of this process, as under node:cluster: a server that is a lock, or whose port is one of its
 * own. A port of HTTP or TLS that is named is the app's, of which one worker alone could serve it: srvx, under h3 and Nitro,
 * always asks for it so.
 */
function isExclusive(server: net.Server, port: number): boolean {
  return exclusive.has(server) && (port === 0 || !isOfHttpOrTls(server));
}

/** Told by what they alone can do where they are not of node:http: node:tls and node:http2 are not loaded for it. */
function isOfHttpOrTls(server: net.Server): boolean {
  return server instanceof http.Server || 'setSecureContext' in server || 'updateSettings' in server;
}

/** `_listen2` is not told whether the listen was exclusive. */
function noteExclusive(): void {
  const prototype = net.Server.prototype as unknown as { listen(this: net.Server, ...args: unknown[]): net.Server };
  const { listen } = prototype;
  prototype.listen = function (...args) {
    const [options] = args;
    const asksForIt = typeof options === 'object' && options !== null && 'exclusive' in options && options.exclusive;
    if (asksForIt) exclusive.add(this);
    else exclusive.delete(this);
    return listen.apply(this, args);
  };
}

/** libuv's flag of that name. */
const UV_TCP_IPV6ONLY = 1;

/** Node resets what sits on a TCP handle of its own and throws for any other. */
function resetTunnels(): void {
  const prototype = net.Socket.prototype as unknown as {
    resetAndDestroy(this: net.Socket & { _handle: object | null; _reset(): void }): net.Socket;
  };
  const { resetAndDestroy } = prototype;
  prototype.resetAndDestroy = function () {
    if (!isTunnel(this._handle)) return resetAndDestroy.call(this);
    this._reset();
    return this;
  };
}

/** Connections at the balancer are not on Node's own list, which these two go by. */
function closeLinkSockets(links: LinksOnDemand): void {
  const { prototype } = http.Server;
  const { closeAllConnections, closeIdleConnections } = prototype;
  prototype.closeAllConnections = function () {
    closeAllConnections.call(this);
    for (const socket of links.current?.socketsOf(this as unknown as CapturableServer) ?? []) socket.destroy();
  };
  prototype.closeIdleConnections = function () {
    closeIdleConnections.call(this);
    for (const socket of links.current?.socketsOf(this as unknown as CapturableServer) ?? []) {
      if (!socket.isBusy && socket._httpMessage === null) socket.destroy();
    }
  };
}

/** Tells the socket of a response that was written to its end. Node calls `_finish` just then. */
function endMessages(): void {
  const prototype = http.ServerResponse.prototype as unknown as ServerResponse;
  const finish = prototype._finish;
  prototype._finish = function (this: ServerResponse) {
    finish.call(this);
    const { socket } = this;
    if (socket instanceof LinkSocket) socket.endMessage(this._last);
  };
}

const MAJOR_VERSION = Number.parseInt(process.versions.node, 10);

/** From Node 22 on more fields are answered with 431. Before, Node itself leaves out what is too many. 0 = no limit. */
function maxFieldsOf(server: http.Server): number {
  if (MAJOR_VERSION < 22) return 0;
  return typeof server.maxHeadersCount === 'number' ? positive(server.maxHeadersCount) : 1000;
}

/** From Node 22 on none at all may be allowed; before, 0 means any number. */
function maxConnectionsOf(server: http.Server): number | null {
  const { maxConnections } = server as { maxConnections?: unknown };
  if (typeof maxConnections !== 'number' || !(maxConnections >= 0)) return null;
  return maxConnections === 0 && MAJOR_VERSION < 22 ? null : Math.min(maxConnections, Number.MAX_SAFE_INTEGER);
}

/** What libuv does for a Unix socket: from Node 22 on it is for nothing else. */
function openPath(path: string, mode: number): void {
  const wanted = ((mode & 1) === 0 ? 0 : 0o444) | ((mode & 2) === 0 ? 0 : 0o222);
  chmodSync(path, MAJOR_VERSION < 22 ? statSync(path).mode | wanted : wanted);
}

/** The balancer's working directory may be another. */
function absolutePath(path: string): string {
  return path.startsWith('\0') ? path : resolve(path);
}

/** Node takes any number, and what is not one as none. */
function positive(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
