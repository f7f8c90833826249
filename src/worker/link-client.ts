import type { AsyncResource } from 'node:async_hooks';
import { channel } from 'node:diagnostics_channel';
import type net from 'node:net';
import { ledgerPath } from '../channel/worker-birth.ts';
import { setTimeout } from '../core/timers.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { type FrameHandler, readUint32 } from '../link/frame-reader.ts';
import type { FrameWriter } from '../link/frame-writer.ts';
import {
  FrameFlag,
  FrameType,
  type Hello,
  type Listening,
  type ListenRequest,
  OPEN_FIXED_BYTES,
  type Peer,
  type Refusal,
} from '../link/frames.ts';
import { STREAMS_PER_NOTE } from '../link/ledger.ts';
import { isBefore, StreamTable } from '../link/stream-table.ts';
import { AppMetrics } from './app-metrics.ts';
import { copyForApp } from './body-memory.ts';
import { fieldsOf } from './field-list.ts';
import { KnownFields } from './known-fields.ts';
import { LinkSocket } from './link-socket.ts';
import type { LinkStream } from './link-stream.ts';
import { LinkWire } from './link-wire.ts';
import { LoopWatch } from './loop-watch.ts';
import { MessagePrototypes } from './message-prototypes.ts';
import type { CapturableServer } from './node-http.ts';
import { nodeNet } from './node-net.ts';
import { OwnProtocolDrain } from './own-protocol-drain.ts';
import { StreamLedger } from './stream-ledger.ts';
import { Tunnel } from './tunnel.ts';
import { WaitingRequests } from './waiting-requests.ts';
import { WebSocketDrain, type WebSocketStream } from './web-socket-drain.ts';

/** Of a body, as apps know them: Node never reads more at once. */
const MAX_PIECE_BYTES = 64 * 1024;

/** There is one event loop, whatever the number of links. */
const LOOP = new LoopWatch();

/** Where Node tells of the connections that its servers accept. */
const ACCEPTED = channel('net.server.socket');

/** The app's own metrics. There is one app, whatever the number of links. */
export const APP_METRICS: AppMetrics = new AppMetrics();

/** The app's servers are the same for all links. */
const OWN_PROTOCOLS = new OwnProtocolDrain();

/** The app's metrics travel in pieces, so that they do not hold responses up for long. */
const METRICS_PIECE_BYTES = 256 * 1024;

/** GET, HEAD, OPTIONS by llhttp's numbers: may run twice, so their beginning need not be told beforehand. */
const SAFE_METHODS: ReadonlySet<number> = new Set([1, 2, 6]);

/** Requests in one beat up to which each is noted, whatever its method: 4,000 a second, of which the notes take less than 1 %. */
const MOST_NOTED = 1000;

/** A server that has closed is remembered so long for requests that are under way to it. */
const FORGET_SERVER_MS = 5_000;

/** A listener as the link sees it. */
export interface LinkListener {
  readonly server: CapturableServer;
  /** The async context in which it was told to listen: that of its 'listening' and of the connections it gets, as with Node. */
  readonly scope: AsyncResource;
  request(): ListenRequest;
  onAnswer(answer: Listening): void;
}

/** A client's connection that the balancer has told of. */
interface KnownConnection {
  readonly peer: Peer;
  readonly fields: KnownFields;
  socket: LinkSocket | null;
}

/** The worker's end of the link to one balancer thread. */
export class LinkClient implements FrameHandler {
  readonly turn: FlushTurn;
  readonly wire: LinkWire;
  readonly writer: FrameWriter;
  readonly #listeners: ReadonlyMap<number, LinkListener>;
  /** The balancer's number of a listener -> the server that listens there. */
  readonly #servers = new Map<number, CapturableServer>();
  readonly #prototypes = new WeakMap<CapturableServer, MessagePrototypes>();
  readonly #scopes = new WeakMap<CapturableServer, AsyncResource>();
  readonly #connections = new Map<number, KnownConnection>();
  readonly #streams = new StreamTable<LinkStream>();
  /** Streams that do not keep the process alive. */
  #unwanted = 0;
  readonly #waiting = new WaitingRequests();
  readonly #ledger: StreamLedger | null;
  readonly #goodbyes = new WebSocketDrain();
  #lastStream = 0;
  /** Requests since the last beat. */
  #opened = 0;
  /** That safe requests begin is noted, too. */
  #notesAll = false;
  /** No listener keeps the process alive. */
  #isUnwanted = false;

  constructor(
    path: string,
    hello: Hello,
    turn: FlushTurn,
    listeners: ReadonlyMap<number, LinkListener>,
    onClosed: () => void,
  ) {
    this.turn = turn;
    this.#listeners = listeners;
    this.#ledger = StreamLedger.create(ledgerPath(path, hello.worker));
    this.wire = new LinkWire(path, turn, this, {
      onConnected: () => {
        this.writer.utf8(FrameType.Hello, FrameFlag.None, 0, JSON.stringify(hello));
        for (const [id, listener] of listeners) this.listen(id, listener);
        this.writer.flush();
      },
      onClosed: () => {
        this.#loseAll();
        this.#ledger?.close();
        onClosed();
      },
      onLongTurn: (tookMs) => {
        this.writer.uint32Pair(FrameType.Load, FrameFlag.None, 0, this.#streams.size, Math.round(tookMs * 1000));
      },
    });
    this.writer = this.wire.writer;
  }

  get streams(): number {
    return this.#streams.size;
  }

  ref(): void {
    this.#isUnwanted = false;
    this.wire.setRef(true);
  }

  /** Lets the process end once no request is in hand. */
  unref(): void {
    this.#isUnwanted = true;
    this.#refAsWanted();
  }

  /** A stream wants to keep the process alive, or does not any more. */
  wantedChanged(stream: LinkStream): void {
    if (this.#streams.get(stream.stream) !== stream) return;
    this.#unwanted += stream.isWanted ? -1 : 1;
    this.#refAsWanted();
  }

  listen(id: number, listener: LinkListener): void {
    this.writer.utf8(FrameType.Listen, FrameFlag.None, id, JSON.stringify(listener.request()));
    this.turn.messageComplete();
  }

  unlisten(id: number, server: CapturableServer): void {
    // Requests that are under way still reach it, as those of open connections reach a server that has closed.
    const forget = setTimeout(() => {
      for (const [number, other] of this.#servers) {
        if (other === server && server._handle === null) this.#servers.delete(number);
      }
    }, FORGET_SERVER_MS);
    forget.unref();
    this.writer.text(FrameType.Unlisten, FrameFlag.None, id, '');
    this.turn.messageComplete();
  }

  /** Sockets of this server. */
  *socketsOf(server: CapturableServer): Iterable<LinkSocket> {
    for (const { socket } of [...this.#connections.values()]) if (socket?.server === server) yield socket;
  }

  forgetStream(stream: LinkStream): void {
    if (this.#streams.delete(stream) && !stream.isWanted) this.#unwanted--;
    if (this.#isUnwanted) this.#refAsWanted();
  }

  /** A socket has begun this stream. */
  addStream(stream: LinkStream): void {
    this.#streams.add(stream);
    if (this.#isUnwanted) this.#refAsWanted();
  }

  #refAsWanted(): void {
    if (!this.#isUnwanted) return;
    this.wire.setRef(this.#streams.size > this.#unwanted);
  }

  /** A stream turns out to be one. */
  webSocketOpened(socket: WebSocketStream): void {
    this.#goodbyes.opened(socket);
  }

  socketClosed(connection: number, socket: LinkSocket): void {
    const known = this.#connections.get(connection);
    if (known?.socket === socket) known.socket = null;
  }

  // FrameHandler.

  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case FrameType.Open:
        if (end - start < OPEN_FIXED_BYTES || !this.#isNew(stream)) return false;
        if (!this.#open(flags, stream, bytes, start, end)) return false;
        this.wire.giveWay();
        return true;
      case FrameType.End: {
        const trailers = fieldsOf(bytes.latin1Slice(start, end), 0);
        if (this.#waiting.size > 0 && this.#waiting.end(stream, trailers)) return true;
        this.#streams.get(stream)?.onRequestEnd(trailers);
        return true;
      }
      case FrameType.Grant:
        this.#waiting.begin(stream, () => this.#streams.get(stream));
        return true;
      case FrameType.Window:
        if (end - start !== 4) return false;
        this.#streams.get(stream)?.onWindow(readUint32(bytes, start));
        return true;
      case FrameType.Abort:
        this.#waiting.drop(stream);
        this.#streams.get(stream)?.onGone((flags & FrameFlag.Reset) !== 0, (flags & FrameFlag.End) !== 0);
        return true;
      case FrameType.Close: {
        const known = this.#connections.get(stream);
        if (known === undefined) return true;
        const { socket } = known;
        // A table that V8 has replaced keeps what stood in it for long: not the socket.
        known.socket = null;
        this.#connections.delete(stream);
        this.#waiting.dropConnection(stream);
        socket?.onClosed((flags & FrameFlag.Reset) !== 0, (flags & FrameFlag.End) !== 0);
        return true;
      }
      case FrameType.Connect:
        if (end - start !== 8 || !this.#isNew(stream)) return false;
        return this.#connect(stream, readUint32(bytes, start), readUint32(bytes, start + 4));
      case FrameType.Refused:
        return this.#isNew(stream) && this.#refused(stream, JSON.parse(bytes.utf8Slice(start, end)) as Refusal);
      case FrameType.Peer:
        this.#connections.set(stream, {
          peer: JSON.parse(bytes.utf8Slice(start, end)) as Peer,
          fields: new KnownFields(),
          socket: null,
        });
        return true;
      case FrameType.Ping:
        if ((flags & FrameFlag.Beat) !== 0) this.#beat();
        LOOP.look();
        this.writer.uint32Pair(FrameType.Pong, flags & FrameFlag.Beat, 0, LOOP.busyPerMille, LOOP.delayUs);
        return true;
      case FrameType.Drain:
        if (end - start !== 8) return false;
        OWN_PROTOCOLS.begin();
        this.#goodbyes.begin(this.#webSockets, readUint32(bytes, start), readUint32(bytes, start + 4));
        return true;
      case FrameType.AskMetrics:
        void APP_METRICS.collect().then((text) => this.#tellMetrics(stream, Buffer.from(text)));
        return true;
      case FrameType.Listening: {
        const answer = JSON.parse(bytes.utf8Slice(start, end)) as Listening;
        const listener = this.#listeners.get(stream);
        if (listener === undefined) return true;
        this.#scopes.set(listener.server, listener.scope);
        if (answer.ok) {
          if (listener.request().protocol === 'tcp') OWN_PROTOCOLS.watch(listener.server);
          this.#servers.set(answer.listener, listener.server);
        }
        listener.scope.runInAsyncScope(listener.onAnswer, listener, answer);
        return true;
      }
      default:
        return false;
    }
  }

  onData(flags: number, stream: number, bytes: Buffer, start: number, end: number, isLast: boolean): boolean {
    if (this.#streams.get(stream) === null) {
      if (this.#waiting.size > 0) this.#keepWaiting(flags, stream, bytes, start, end, isLast);
      return true;
    }
    // The app may keep what it is given, and this memory is read into again.
    for (let at = start; at < end; at += MAX_PIECE_BYTES) {
      this.#streams.get(stream)?.onBody(copyForApp(bytes, at, Math.min(end, at + MAX_PIECE_BYTES)));
    }
    if (isLast && (flags & FrameFlag.End) !== 0) this.#streams.get(stream)?.onRequestEnd([]);
    return true;
  }

  get #webSockets(): WebSocketStream[] {
    return this.#streams.values().flatMap((stream): WebSocketStream | [] => {
      if (stream instanceof LinkSocket) return stream.isWebSocket ? stream : [];
      return (stream instanceof Tunnel ? stream.webSocket : null) ?? [];
    });
  }

  #tellMetrics(question: number, json: Buffer): void {
    if (!this.wire.isConnected) return;
    for (let at = 0; ; at += METRICS_PIECE_BYTES) {
      const isLast = at + METRICS_PIECE_BYTES >= json.length;
      const piece = json.subarray(at, at + METRICS_PIECE_BYTES);
      this.writer.bytes(FrameType.Metrics, isLast ? FrameFlag.End : FrameFlag.None, question, piece);
      if (isLast) break;
    }
    this.turn.messageComplete();
  }

  #open(flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean {
    const connection = readUint32(bytes, start);
    const method = bytes[start + 4]!;
    const minorVersion = bytes[start + 5]!;
    const known = this.#connections.get(connection);
    if (known === undefined) return false;
    const targetStart = start + OPEN_FIXED_BYTES + (bytes[start + 6]! | (bytes[start + 7]! << 8));
    const targetEnd = targetStart + readUint32(bytes, start + 8);
    const sentAtMs = readUint32(bytes, start + 12);
    // The target is the last thing of the request line but " HTTP/1.1" CRLF.
    const linesStart = targetEnd + 11;
    if (linesStart > end) return false;
    const server = this.#servers.get(known.peer.listener);
    if (server === undefined) {
      // The app has closed it in the meantime: never begun.
      this.writer.text(FrameType.Abort, FrameFlag.None, stream, '');
      return true;
    }
    const target = bytes.latin1Slice(targetStart, targetEnd);
    const headers = known.fields.split(bytes.latin1Slice(linesStart, end));
    // With the empty line that it came with.
    const headBytes = end - start - OPEN_FIXED_BYTES + 2;
    const socket = known.socket ?? this.#accept(connection, known, server);
    if (socket.isBusy) return false;
    if (socket.destroyed) {
      // The app would not have this client: it destroyed the connection when it met it.
      this.writer.text(FrameType.Abort, FrameFlag.None, stream, '');
      return true;
    }
    this.#opened++;
    const isAtOnce = !this.#notesAll && socket._httpMessage === null && mayRunTwice(method, flags);
    if (isAtOnce && !this.#isRevoked(stream, sentAtMs, this.wire.nowMs)) {
      socket.dispatch(stream, flags, headBytes, method, minorVersion, target, headers);
      return true;
    }
    const run = (): void => socket.dispatch(stream, flags, headBytes, method, minorVersion, target, headers);
    const begin = (): void => {
      this.#whenFinished(socket, stream, connection, () => this.#runOrClaim(stream, connection, sentAtMs, run));
    };
    if (this.#tellBegun(stream)) begin();
    else this.wire.hold(begin);
    return true;
  }

  /**
   * All of the response before it on this connection may have left, and its app be still to hear so. Node would give the app
   * this one without a socket meanwhile, as it does with those of clients that pipeline.
   */
  #whenFinished(socket: LinkSocket, stream: number, connection: number, begin: () => void): void {
    const before = socket._httpMessage;
    if (before === null) {
      begin();
      return;
    }
    this.#waiting.add(stream, connection, () => {
      if (socket.destroyed) this.writer.text(FrameType.Abort, FrameFlag.None, stream, '');
      else begin();
    });
    before.once('close', () => this.#waiting.begin(stream, () => this.#streams.get(stream)));
  }

  /**
   * Between beats it is decided whether safe requests are noted, too: then those behind one that blocks can be given to
   * other workers. A request that takes a share of a busy worker's time as small as this is not worth the call.
   */
  #beat(): void {
    const ledger = this.#ledger;
    if (ledger === null) return;
    const wants = this.#opened <= MOST_NOTED;
    this.#opened = 0;
    if (wants === this.#notesAll) return;
    this.#notesAll = ledger.noteAllFrom(wants ? (this.#lastStream + 1) >>> 0 || 1 : 0) && wants;
  }

  /** That it begins has been told, by Begun or Tunnel. If the balancer had taken the request back before, it has the say. */
  #runOrClaim(stream: number, connection: number, sentAtMs: number, run: () => void): void {
    if (!this.#isRevoked(stream, sentAtMs, performance.now())) {
      run();
      return;
    }
    this.#waiting.add(stream, connection, run);
    this.writer.text(FrameType.Claim, FrameFlag.None, stream, '');
    this.turn.messageComplete();
  }

  #isRevoked(stream: number, sentAtMs: number, nowMs: number): boolean {
    return this.#ledger?.isRevoked(stream, sentAtMs, nowMs) === true;
  }

  #keepWaiting(flags: number, stream: number, bytes: Buffer, start: number, end: number, isLast: boolean): void {
    for (let at = start; at < end; at += MAX_PIECE_BYTES) {
      if (!this.#waiting.body(stream, copyForApp(bytes, at, Math.min(end, at + MAX_PIECE_BYTES)))) return;
    }
    if (isLast && (flags & FrameFlag.End) !== 0) this.#waiting.end(stream, []);
  }

  /** The balancer numbers streams upwards. */
  #isNew(stream: number): boolean {
    if (!isBefore(this.#lastStream, stream)) return false;
    this.#lastStream = stream;
    // What the file says must not be so old that it seems to be of streams to come.
    if ((stream & STREAMS_PER_NOTE) === 0) {
      this.#ledger?.tellBegun(stream);
      if (this.#notesAll) this.#ledger?.noteAllFrom(stream);
    }
    return true;
  }

  #refused(stream: number, refusal: Refusal): boolean {
    const known = this.#connections.get(refusal.connection);
    if (known === undefined) return false;
    const server = this.#servers.get(known.peer.listener);
    const socket = known.socket ?? (server === undefined ? null : this.#accept(refusal.connection, known, server));
    if (socket === null || socket.isBusy) {
      this.writer.text(FrameType.Abort, FrameFlag.None, stream, '');
      return true;
    }
    const { code, reason } = refusal;
    const error = Object.assign(new Error(`Parse Error: ${reason}`), { code, reason, bytesParsed: 0 });
    this.#whenFinished(socket, stream, refusal.connection, () => socket.refuse(stream, error));
    return true;
  }

  /** A client's connection for a server of bytes. */
  #connect(stream: number, connection: number, sentAtMs: number): boolean {
    const known = this.#connections.get(connection);
    if (known === undefined) return false;
    const server = this.#servers.get(known.peer.listener);
    if (server === undefined || server._handle === null) {
      // The app has closed it in the meantime.
      this.writer.text(FrameType.Abort, FrameFlag.None, stream, '');
      return true;
    }
    const accept = (): void => {
      const { _handle: handle } = server;
      const tunnel = new Tunnel(this, connection, stream, known.peer);
      this.addStream(tunnel);
      if (handle === null) tunnel.close(false, undefined);
      else {
        try {
          this.#inScopeOf(server, () => nodeNet().onConnection.call(handle, 0, tunnel.handle));
        } finally {
          tunnel.accepted();
        }
      }
    };
    if (isFull(server)) {
      // Node drops it, unsaid that this worker has begun: another may have it.
      accept();
      return true;
    }
    // A server of bytes may speak first.
    this.writer.text(FrameType.Tunnel, FrameFlag.None, stream, '');
    this.writer.flush();
    if (!this.wire.isCongested) this.#runOrClaim(stream, connection, sentAtMs, accept);
    else this.wire.hold(() => this.#runOrClaim(stream, connection, sentAtMs, accept));
    return true;
  }

  /** A client's connection meets the app's server. */
  #accept(connection: number, known: KnownConnection, server: CapturableServer): LinkSocket {
    return this.#inScopeOf(server, () => {
      const socket = new LinkSocket(this, connection, known.peer, this.#prototypesOf(server), server.highWaterMark);
      known.socket = socket;
      if (server.keepAlive) socket.setKeepAlive(true, (server.keepAliveInitialDelay ?? 0) * 1000);
      server._connections++;
      socket.server = server;
      (socket as unknown as { _server: net.Server })._server = server;
      server.emit('connection', socket);
      if (ACCEPTED.hasSubscribers) ACCEPTED.publish({ socket });
      // Time-outs of heads and bodies are the balancer's; Node's own check would find this parser idle for ever.
      socket.parser?.remove();
      return socket;
    });
  }

  #prototypesOf(server: CapturableServer): MessagePrototypes {
    let prototypes = this.#prototypes.get(server);
    if (prototypes === undefined) {
      prototypes = new MessagePrototypes(server);
      this.#prototypes.set(server, prototypes);
    }
    return prototypes;
  }

  #inScopeOf<T>(server: CapturableServer, act: () => T): T {
    const scope = this.#scopes.get(server);
    return scope === undefined ? act() : scope.runInAsyncScope(act);
  }

  /**
   * Notes, before a handler runs that must not run twice, that its request has been begun. What a dead worker has not
   * said so of can be given to another. Where there is no file for it, it is told by a frame.
   *
   * @returns whether the kernel has it.
   */
  #tellBegun(stream: number): boolean {
    if (this.#ledger?.tellBegun(stream)) return true;
    this.writer.text(FrameType.Begun, FrameFlag.None, stream, '');
    this.writer.flush();
    return !this.wire.isCongested;
  }

  /** The balancer is gone: so are all clients. */
  #loseAll(): void {
    for (const { socket } of [...this.#connections.values()]) socket?.onGone(false, false);
    for (const stream of this.#streams.values()) stream.onGone(false, false);
    this.#connections.clear();
    this.#waiting.clear();
    this.#streams.clear();
    this.#unwanted = 0;
    this.#servers.clear();
  }
}

/** `server.maxConnections`: the server will not have another. Node 20 takes a 0 for no limit. */
function isFull(server: CapturableServer): boolean {
  const { maxConnections } = server;
  if (maxConnections === undefined || maxConnections === null) return false;
  return (maxConnections > 0 || ZERO_IS_A_LIMIT) && server._connections >= maxConnections;
}

const ZERO_IS_A_LIMIT = Number.parseInt(process.versions.node, 10) > 20;

/** A safe request that has no body and takes nothing over: its beginning need not be told beforehand. */
function mayRunTwice(method: number, flags: number): boolean {
  const telling = FrameFlag.End | FrameFlag.Upgrade | FrameFlag.Retried;
  return SAFE_METHODS.has(method) && (flags & telling) === FrameFlag.End;
}
