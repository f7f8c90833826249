import { AsyncResource } from 'node:async_hooks';
import net from 'node:net';
import { socketOptions } from '../core/socket-options.ts';
import { setImmediate, setTimeout } from '../core/timers.ts';
import {
  FrameFlag,
  FrameType,
  MAX_DATA_BYTES,
  type Peer,
  REQUEST_GRANT_BYTES,
  RESPONSE_WINDOW_BYTES,
} from '../link/frames.ts';
import { ChunkedUnframer, Unframed } from './chunked-unframer.ts';
import { type CreditedStream, CreditedWrites, inThisContext } from './credited-writes.ts';
import { eofError } from './eof-error.ts';
import type { LinkClient } from './link-client.ts';
import { LinkHandle } from './link-handle.ts';
import type { LinkStream } from './link-stream.ts';
import type { MessagePrototypes } from './message-prototypes.ts';
import type { CapturableServer, HttpParser, IncomingMessage, OnHeadersComplete, ServerResponse } from './node-http.ts';
import { resetError } from './reset-error.ts';
import { letTlsRunOn } from './tls-on-links.ts';
import { UnsentPieces } from './unsent-pieces.ts';
import { GOODBYE_MS, throwAway } from './web-socket-drain.ts';
import { WebSocketFrames } from './web-socket-frames.ts';

/** A 1xx head, but for the one that opens a tunnel. */
const INTERIM = /^HTTP\/1\.1 1(?!01)/;

/** Text up to this length is written into the batch as it is; its bytes are at most three times as many. */
const SHORT_TEXT = 8 * 1024;

/** What the socket is in the middle of. */
const Mode = {
  /** No request: the client's connection idles, or is served by other workers. */
  Idle: 0,
  /** A request of the app's http.Server. */
  Http: 1,
  /** The app has taken the connection over (upgrade, CONNECT, 'clientError'). */
  Tunnel: 2,
} as const;
type Mode = (typeof Mode)[keyof typeof Mode];

/**
 * The client's connection as the app sees it: `req.socket`. A real net.Socket, one for each client connection that this
 * worker has served, of which the handle is the link. Node's HTTP server runs on it as on any other; what its responses
 * write here leaves as messages.
 */
export class LinkSocket extends net.Socket implements LinkStream, CreditedStream {
  declare parser: HttpParser | null;
  declare _httpMessage: ServerResponse | null;
  declare server: CapturableServer;
  readonly #link: LinkClient;
  readonly #connection: number;
  /** Counts bytes for `bytesRead` and `bytesWritten`. */
  readonly #counts: LinkHandle;
  readonly #prototypes: MessagePrototypes;
  /** Restores, for each request, the async context that the connection began in, as Node's parser does. */
  readonly #scope = new AsyncResource('HTTPINCOMINGMESSAGE');
  #mode: Mode = Mode.Idle;
  #hasServed = false;
  /** 0 = none. */
  #stream = 0;
  /** What goes out: a response's body where it finds no credit at once, and all of a tunnel. */
  readonly #writes: CreditedWrites;
  #headSent = false;
  #isChunked = false;
  /** Takes off the chunked framing that Node writes. */
  readonly #unframer = new ChunkedUnframer();
  /** The app has ended the response, or its side of the tunnel; the end is sent once all before it has been. */
  #endPending = false;
  #endSent = false;
  #requestEnded = false;
  #lastResponse = false;
  /** Received bytes that the app has not been given credit for again. */
  #ungranted = 0;
  #isBodyPaused = false;
  /** What had been written when Node last let the writes of a turn go; those since then count as waiting, as with Node. */
  #settledBytes = 0;
  /** Both sides of a tunnel have ended as they should; the app may still have to read what came before. */
  #isTunnelOver = false;
  /** The connection is gone at the balancer, too. */
  #isGone = false;
  /** The client's end in the middle of a request is on its way to the app. */
  #isCutOff = false;
  #lentBytes = 0;

  /** @param highWaterMark the server's option of that name; undefined where this Node has none */
  constructor(
    link: LinkClient,
    connection: number,
    peer: Peer,
    prototypes: MessagePrototypes,
    highWaterMark: number | undefined,
  ) {
    const handle = new LinkHandle(peer);
    const options = {
      handle,
      allowHalfOpen: true,
      manualStart: true,
      readableHighWaterMark: highWaterMark,
      writableHighWaterMark: highWaterMark,
    };
    super(socketOptions(options as net.SocketConstructorOpts));
    this.#link = link;
    this.#connection = connection;
    this.#prototypes = prototypes;
    this.#writes = new CreditedWrites(link, this);
    this.#counts = handle;
    handle.onClose = (isReset) => this.#closed(isReset);
    handle.onProbes = (isOn, seconds) => {
      link.writer.uint32Pair(FrameType.Probes, FrameFlag.None, connection, isOn ? 1 : 0, seconds);
    };
    this._httpMessage = null;
  }

  get stream(): number {
    return this.#stream;
  }

  get isWanted(): boolean {
    return true;
  }

  /** In the middle of a request or a tunnel. */
  get isBusy(): boolean {
    return this.#mode !== Mode.Idle;
  }

  // From the link.

  /** Gives a request to the app's server. `headBytes`: length of its head on the wire. */
  dispatch(
    stream: number,
    flags: number,
    headBytes: number,
    method: number,
    minorVersion: number,
    target: string,
    headers: string[],
  ): void {
    this.#begin(stream);
    this.#counts.bytesRead += headBytes;
    this.#requestEnded = (flags & FrameFlag.End) !== 0;
    this.#scope.runInAsyncScope(this.#dispatchInScope, this, flags, method, minorVersion, target, headers);
  }

  /** Lets the app answer a request that was refused before it became one. */
  refuse(stream: number, error: Error): void {
    this.#begin(stream);
    const parser = this.parser;
    if (parser === null) return;
    this.#mode = Mode.Tunnel;
    this.#link.writer.text(FrameType.Tunnel, FrameFlag.None, stream, '');
    const onExecute = callbackOf(parser, parser.constructor.kOnExecute) as (result: Error) => void;
    this.#scope.runInAsyncScope(onExecute, parser, error);
  }

  #begin(stream: number): void {
    this.#mode = Mode.Http;
    this.#hasServed = true;
    this.#stream = stream;
    this.#link.addStream(this);
    this.#writes.credit = RESPONSE_WINDOW_BYTES;
    this.#headSent = false;
    this.#isChunked = false;
    this.#unframer.reset();
    this.#endPending = false;
    this.#endSent = false;
    this.#requestEnded = false;
    this.#lastResponse = false;
    this.#ungranted = 0;
    this.#isBodyPaused = false;
  }

  #dispatchInScope(flags: number, method: number, minorVersion: number, target: string, headers: string[]): void {
    const parser = this.parser;
    if (parser === null) return;
    const wantsUpgrade = (flags & FrameFlag.Upgrade) !== 0;
    const { kOnHeadersComplete, kOnMessageComplete, kOnExecute } = parser.constructor;
    const onHeadersComplete = callbackOf(parser, kOnHeadersComplete) as OnHeadersComplete;
    const onMessageComplete = callbackOf(parser, kOnMessageComplete) as () => void;
    this.#prototypes.prepare(!wantsUpgrade);
    onHeadersComplete.call(
      parser,
      1,
      minorVersion,
      headers,
      method,
      target,
      undefined,
      undefined,
      wantsUpgrade,
      (flags & FrameFlag.KeepAlive) !== 0,
    );
    if (wantsUpgrade) {
      if (parser.incoming?.upgrade) {
        this.#mode = Mode.Tunnel;
        if (isWebSocket(headers)) {
          this.#writes.frames = new WebSocketFrames();
          this.#link.webSocketOpened(this);
        }
        letTlsRunOn(LinkSocket);
        this.#link.writer.text(FrameType.Tunnel, FrameFlag.None, this.#stream, '');
        this.#link.turn.messageComplete();
        onMessageComplete.call(parser);
        // Node's own way of handing the socket over: its listeners leave it, 'upgrade' or 'connect' is emitted.
        (callbackOf(parser, kOnExecute) as (parsed: number) => void).call(parser, 0);
        return;
      }
      this.#link.writer.text(FrameType.Plain, FrameFlag.None, this.#stream, '');
      this.#link.turn.messageComplete();
      // The balancer says so as well, but not where the response that the app has given by now is the last.
      this.#requestEnded = !hasBody(headers);
      this.#forgetFinishedStream();
    }
    if (this.#requestEnded && this.parser !== null) onMessageComplete.call(parser);
  }

  /** A piece of the request's body, or of the tunnel. The memory is this socket's to keep. */
  onBody(bytes: Buffer): void {
    this.#ungranted += bytes.length;
    this.#counts.bytesRead += bytes.length;
    this.#touchTimeout();
    if (this.#mode === Mode.Tunnel) {
      if (this.push(bytes)) this.#grant();
      return;
    }
    const parser = this.parser;
    if (parser === null) return;
    const onBody = callbackOf(parser, parser.constructor.kOnBody) as (bytes: Buffer) => void;
    this.#scope.runInAsyncScope(onBody, parser, bytes);
    noteReader(parser.incoming);
    if (!this.#isBodyPaused) this.#grant();
  }

  /** The request, or the client's side of the tunnel, is complete. */
  onRequestEnd(trailers: string[]): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#mode === Mode.Tunnel) {
      this.push(null);
      // As Node does with its own: 'end' comes also where nobody reads, if there is nothing left to read.
      this.read(0);
      this.#forgetFinishedStream();
      return;
    }
    const parser = this.parser;
    if (parser !== null) {
      if (trailers.length > 0) parser._headers = trailers;
      const onComplete = callbackOf(parser, parser.constructor.kOnMessageComplete) as () => void;
      this.#scope.runInAsyncScope(onComplete, parser);
    }
    this.#forgetFinishedStream();
  }

  onWindow(bytes: number): void {
    this.#writes.credit += bytes;
    this.#touchTimeout();
    this.#writes.sendOn();
  }

  /** The balancer ended the stream, or the client's connection has closed. */
  onGone(isReset: boolean, hasEnded: boolean): void {
    const { parser } = this;
    const isOfHttp = this.#mode === Mode.Http;
    const isWithinRequest = isOfHttp && !this.#requestEnded;
    this.#isGone = true;
    // With the last of it read the stream destroys itself.
    if (this.#isTunnelOver && !this.readableEnded) return;
    if (this.#isCutOff) return;
    this.#forget();
    if (isReset) this.destroy(resetError());
    else if (!hasEnded || this.destroyed) this.destroy();
    else if (isWithinRequest && parser !== null) this.#cutOff(parser);
    else if (isOfHttp) this.#end();
    else this.destroy();
  }

  /** The client's connection has closed. `hasEnded`: by the client, as it should be. */
  onClosed(isReset: boolean, hasEnded: boolean): void {
    if (!hasEnded || this.#mode !== Mode.Idle || this.#isCutOff || this.destroyed) {
      this.onGone(isReset, false);
      return;
    }
    this.#isGone = true;
    this.#end();
  }

  /** On 'end' Node's server ends its side, and with both ended the socket destroys itself. */
  #end(): void {
    this.push(null);
    this.read();
    setImmediate(() => this.destroy());
  }

  /**
   * The client has ended its side in the middle of a request. On 'end' Node's server asks the parser what it makes of
   * that, emits 'clientError' or else destroys the socket with the error. Nobody gets an answer any more.
   */
  #cutOff(parser: HttpParser): void {
    this.#isCutOff = true;
    const forget = (): void => void Reflect.deleteProperty(parser, 'finish');
    // Its parser has seen none of the request. Parsers are used again, by other connections.
    parser.finish = () => {
      forget();
      return eofError();
    };
    this.push(null);
    this.read();
    setImmediate(() => {
      forget();
      this.destroy();
    });
  }

  get isWebSocket(): boolean {
    return this.#writes.frames !== null;
  }

  closeWebSocket(code: number): void {
    const { frames } = this.#writes;
    if (frames === null || this.#stream === 0 || this.#endSent || this.#endPending) return;
    // What the app has sent before finds its credit yet.
    const frame = frames.close(code, this.#writes.length + this.#held.length);
    if (frame === null) return;
    this.#link.writer.bytes(FrameType.Data, FrameFlag.None, this.#stream, frame);
    this.#link.turn.messageComplete();
    this.onCloseFrameSent();
    this.#writes.sendOn();
  }

  /** The app ends it as it does when the client closes; if that takes too long it is ended for it. */
  onCloseFrameSent(): void {
    setTimeout(() => this.destroy(), GOODBYE_MS).unref();
  }

  // From Node's HTTP server and the app.

  /**
   * A response writes here. Small writes go straight into the link's batch; what finds no credit takes the way of any
   * stream, and so do tunnels.
   */
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    if (typeof encoding === 'function') return this.write(chunk, undefined, encoding);
    const done = typeof callback === 'function' ? (callback as () => void) : null;
    if (this.#mode !== Mode.Http || this.destroyed) {
      return super.write(chunk as Buffer, encoding as BufferEncoding, done as () => void);
    }
    this.#touchTimeout();
    const data = chunk as string | Uint8Array;
    if (!this.#headSent) return this.#writeHead(data, encoding as BufferEncoding | undefined, done);
    if (this.#isChunked) return this.#writeChunked(data, encoding as BufferEncoding | undefined, done);
    return this.#writeBody(data, encoding as BufferEncoding | undefined, done);
  }

  /** Called by the response when all of it has been written: see {@link endMessages}. */
  endMessage(isLast: boolean): void {
    this.#lastResponse = isLast;
    this.#endPending = true;
    if (waitingIn(this) === 0) this.#sendEnd();
  }

  /** Bytes of the app's memory that went past the stream, and which the kernel has perhaps not taken. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  override pause(): this {
    if (this.#mode === Mode.Tunnel) return super.pause();
    this.#isBodyPaused = true;
    return this;
  }

  override resume(): this {
    if (this.#mode === Mode.Tunnel) return super.resume();
    this.#isBodyPaused = false;
    this.#grant();
    return this;
  }

  override setTimeout(timeoutMs: number, callback?: () => void): this {
    // Node arms the keep-alive time-out here once a response is out. The balancer holds the client's connection and
    // that clock; to this worker the connection may be idle while others serve it.
    // What it arms on a new connection is `server.timeout`.
    const isKeepAlive = this.#mode === Mode.Idle && this.#hasServed && callback === undefined;
    if (isKeepAlive && timeoutMs > 0) {
      // A server that has closed waits for this connection to go.
      if (this.server._handle === null) setImmediate(() => !this.isBusy && this.destroy());
      return super.setTimeout(0);
    }
    return super.setTimeout(timeoutMs, callback);
  }

  override resetAndDestroy(): this {
    this.#counts.isReset = true;
    return this.destroy();
  }

  override _read(): void {
    if (this.#mode === Mode.Tunnel) this.#grant();
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this._writev([{ chunk, encoding }], callback);
  }

  override _writev(
    chunks: { chunk: Buffer | string; encoding: BufferEncoding }[],
    callback: (error?: Error | null) => void,
  ): void {
    if (this.#stream === 0 || this.#endSent) {
      callback();
      return;
    }
    if (this.#writes.frames?.isClosed) {
      throwAway(callback);
      return;
    }
    const pieces = new UnsentPieces(chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding)));
    this.#counts.bytesWritten += pieces.length;
    this.#writes.write(pieces, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#mode === Mode.Tunnel) {
      this.#endPending = true;
      this.#sendEnd();
    } else if (this.#mode === Mode.Http && !this.#endPending && this.#stream !== 0) {
      // The app ended the connection within a response: the client sees it cut short, as it would from Node.
      this.#endSent = true;
      this.#link.writer.text(FrameType.Abort, FrameFlag.None, this.#stream, '');
    }
    const isOver = this.#mode === Mode.Idle && !this.#isGone;
    // 'finish' is due now, and follows.
    callback();
    // Nothing more can be written here, and the client's next request needs a socket that can.
    if (isOver) this.destroy();
  }

  // Writing.

  #writeHead(data: string | Uint8Array, encoding: BufferEncoding | undefined, done: (() => void) | null): boolean {
    const response = this._httpMessage;
    const header = response?._header ?? null;
    const { writer } = this.#link;
    // A response that had to wait for its socket, since the one before it had not finished, may bring more before its head.
    const isHead = response?._headerSent === true && response.outputData.length === 0;
    if (!isHead && typeof data === 'string' && INTERIM.test(data)) {
      // Node writes 1xx heads as they are.
      writer.text(FrameType.Interim, FrameFlag.None, this.#stream, data);
      this.#counts.bytesWritten += data.length;
      return this.#written(done);
    }
    if (response === null || header === null || !response._headerSent || typeof data !== 'string') {
      // Bytes that the app writes past its response have no place in a message.
      if (data.length > 0) this.destroy();
      return this.#written(done);
    }
    this.#headSent = true;
    this.#counts.bytesWritten += header.length;
    this.#isChunked = response.chunkedEncoding;
    const rest = data.length - header.length;
    const isLatin1 = encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii';
    if (rest === 0 || this.#isChunked || data.length > SHORT_TEXT) {
      writer.text(FrameType.Head, FrameFlag.None, this.#stream, header);
      if (rest === 0) return this.#written(done);
      const body = data.slice(header.length);
      return this.#isChunked ? this.#writeChunked(body, encoding, done) : this.#writeBody(body, encoding, done);
    }
    // Head and body in one, as Node put them together for one write.
    if (isLatin1) {
      writer.text(FrameType.Head, FrameFlag.None, this.#stream, data);
      this.#spend(rest);
    } else {
      this.#spend(writer.utf8(FrameType.Head, FrameFlag.None, this.#stream, data) - header.length);
    }
    return this.#written(done);
  }

  #writeChunked(data: string | Uint8Array, encoding: BufferEncoding | undefined, done: (() => void) | null): boolean {
    const unframed = this.#unframer.take(data, encoding);
    if (unframed === Unframed.Data) return this.#writeBody(data, encoding, done);
    // Node's framing is of what the socket has written, though the link carries none.
    this.#counts.bytesWritten += data.length;
    // What Node calls back for behind a chunk or the last of them is the app's write: it comes after the data.
    return unframed === Unframed.Framing ? this.#written(done) : this.#writeBody('', 'latin1', done);
  }

  #writeBody(data: string | Uint8Array, encoding: BufferEncoding | undefined, done: (() => void) | null): boolean {
    // Nothing is done with before what came before it: of that the callbacks say that memory is the app's again.
    if (isWriting(this) || this.#lentBytes > 0 || !this.#link.wire.hasRoomFor(data.length))
      return this.#writeSlowly(data, encoding, done);
    if (data.length === 0) return this.#written(done);
    const { writer } = this.#link;
    if (typeof data === 'string') {
      if (data.length > SHORT_TEXT || data.length * 3 > this.#writes.credit)
        return this.#writeSlowly(data, encoding, done);
      if (encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii') {
        writer.text(FrameType.Data, FrameFlag.None, this.#stream, data);
        this.#spend(data.length);
        return this.#written(done);
      }
      if (encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8') {
        this.#spend(writer.utf8(FrameType.Data, FrameFlag.None, this.#stream, data));
        return this.#written(done);
      }
      return this.#writeBody(Buffer.from(data, encoding), undefined, done);
    }
    if (data.length > this.#writes.credit || data.length > MAX_DATA_BYTES)
      return this.#writeSlowly(data, encoding, done);
    this.#spend(data.length);
    const isTaken = writer.bytes(FrameType.Data, FrameFlag.None, this.#stream, data);
    return isTaken ? this.#written(done) : this.#lent(data.length, done);
  }

  /** The kernel has not taken it all, and the memory is the app's again only when it has. */
  #lent(bytes: number, done: (() => void) | null): boolean {
    this.#lentBytes += bytes;
    const back = done === null ? null : inThisContext(done);
    this.#link.wire.afterFlush((error) => {
      this.#lentBytes -= bytes;
      back?.(error);
      if (this.#lentBytes > 0 || waitingIn(this) > 0) return;
      // From Node 24 on a chunked response waits for 'drain' by its own count, which these bytes are in.
      if (this._httpMessage?.writableNeedDrain) stateOf(this).needDrain = true;
      this.#drained();
    });
    return this.#hasRoom();
  }

  /** So many bytes of the body have gone straight into the batch. */
  #spend(bytes: number): void {
    this.#writes.credit -= bytes;
    this.#counts.bytesWritten += bytes;
  }

  #writeSlowly(data: string | Uint8Array, encoding: BufferEncoding | undefined, done: (() => void) | null): boolean {
    if (done === null) super.write(data as Buffer, encoding as BufferEncoding);
    else super.write(data as Buffer, encoding as BufferEncoding, done);
    // From Node 24 on a response may wait for 'drain' though what waits here, the rest having found credit, is less than
    // the high-water mark.
    if (waitingIn(this) > 0 && this._httpMessage?.writableNeedDrain) stateOf(this).needDrain = true;
    return this.#hasRoom();
  }

  #written(done: (() => void) | null): boolean {
    if (done !== null) this.#link.wire.afterTurn(done);
    return this.#hasRoom();
  }

  /** What a write answers: whether what the turn has brought so far, sent or not, is less than the high-water mark. */
  #hasRoom(): boolean {
    const waiting = this.#counts.bytesWritten - this.#settledBytes + waitingIn(this);
    if (waiting >= this.writableHighWaterMark) stateOf(this).needDrain = true;
    return !this.writableNeedDrain;
  }

  /** Node holds the writes of a turn back until its end, which it tells by this. */
  override uncork(): void {
    super.uncork();
    this.#settledBytes = this.#counts.bytesWritten;
    if (this.writableNeedDrain && waitingIn(this) === 0) this.#link.wire.afterTurn(this.#drained);
  }

  readonly #drained = (): void => {
    if (!this.writableNeedDrain || this.writableLength > 0 || this.destroyed) return;
    stateOf(this).needDrain = false;
    this.emit('drain');
  };

  /** Something moved: the time-out of inactivity begins anew. */
  #touchTimeout(): void {
    if (this.timeout) (this as unknown as { _unrefTimer(): void })._unrefTimer();
  }

  /** What the stream keeps until {@link _writev} is done with what came before. */
  get #held(): UnsentPieces {
    const held = stateOf(this).getBuffer();
    return new UnsentPieces(held.map(({ chunk, encoding }) => bytesOf(chunk, encoding)));
  }

  /** What waited has left. */
  onWritten(): void {
    if (this.#endPending && waitingIn(this) === 0) this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#endSent || this.#stream === 0) return;
    this.#endSent = true;
    const { writer } = this.#link;
    const { trailers } = this.#unframer;
    if (trailers !== '' || !writer.markEnd(this.#stream)) {
      writer.text(FrameType.End, FrameFlag.None, this.#stream, trailers);
    }
    this.#link.turn.messageComplete();
    this.#forgetFinishedStream();
  }

  #grant(): void {
    if (this.#ungranted < REQUEST_GRANT_BYTES || this.#stream === 0 || this.#requestEnded) return;
    this.#link.writer.uint32(FrameType.Window, this.#stream, this.#ungranted);
    this.#ungranted = 0;
  }

  #forgetFinishedStream(): void {
    if (!this.#requestEnded || !this.#endSent) return;
    if (this.#mode === Mode.Tunnel) this.#isTunnelOver = true;
    this.#forget();
  }

  #forget(): void {
    if (this.#stream === 0) return;
    this.#link.forgetStream(this);
    this.#stream = 0;
    // What a tunnel brought is still read as such.
    if (!this.#isTunnelOver) this.#mode = Mode.Idle;
    this.#writes.forget();
  }

  /** The app, or Node's server for it, destroyed the socket. */
  #closed(isReset: boolean): void {
    if (this.#stream !== 0) {
      if (this.#mode === Mode.Tunnel && !isReset) this.#writes.sendLast(this.#held);
      this.#link.writer.text(FrameType.Abort, isReset ? FrameFlag.Reset : FrameFlag.None, this.#stream, '');
    } else if (!this.#isGone) {
      // The app does not keep the connection after its response; or it drops it while idle, when others may need it.
      const flags = this.#lastResponse ? FrameFlag.None : FrameFlag.KeepAlive;
      this.#link.writer.text(FrameType.Close, flags, this.#connection, '');
    }
    this.#forget();
    this.#writes.cancel();
    this.#link.socketClosed(this.#connection, this);
  }
}

// What has been written and not taken, as of any socket. By it a response that is ended tells when it is finished: not
// while the kernel still takes from the app's memory.
Object.defineProperty(LinkSocket.prototype, 'writableLength', {
  configurable: true,
  get(this: LinkSocket): number {
    return waitingIn(this) + this.lentBytes;
  },
});

// What an app may print, or tell sockets by.
Object.defineProperty(LinkSocket, 'name', { value: 'Socket' });
Object.defineProperty(LinkSocket.prototype, 'constructor', { configurable: true, writable: true, value: net.Socket });

/** Names and values by turns. */
function isWebSocket(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === 'upgrade') return headers[i + 1]!.toLowerCase() === 'websocket';
  }
  return false;
}

/** The same. */
function hasBody(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (name === 'transfer-encoding' || (name === 'content-length' && Number(headers[i + 1]) > 0)) return true;
  }
  return false;
}

/**
 * Node lets ticks run between what its parser calls back for: an app that has begun to listen to a request has had it read
 * by the time that all of its body is there. Here head and body may come within one turn. A request that seems unread Node
 * drains when its response is out, and takes the rest of the body from an app that is slower than its answer.
 */
function noteReader(request: IncomingMessage | null): void {
  if (request === null || request._consuming) return;
  const { resumeScheduled, readableListening } = request._readableState;
  if (resumeScheduled || readableListening) request._consuming = true;
}

interface WritableState {
  readonly length: number;
  readonly writing: boolean;
  /** Writes that wait for the one under way, or for the end of a cork. */
  readonly bufferedRequestCount: number;
  needDrain: boolean;
  /** Those. */
  getBuffer(): readonly { readonly chunk: Buffer | string; readonly encoding: BufferEncoding }[];
}

function bytesOf(chunk: Buffer | string, encoding: BufferEncoding): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
}

/** Bytes in the stream's own queue. */
function waitingIn(socket: net.Socket): number {
  return stateOf(socket).length;
}

/** Something took the way of the stream and has not been called back for: it may be empty. */
function isWriting(socket: net.Socket): boolean {
  const state = stateOf(socket);
  return state.length > 0 || state.writing || state.bufferedRequestCount > 0;
}

function stateOf(socket: net.Socket): WritableState {
  return (socket as unknown as { readonly _writableState: WritableState })._writableState;
}

function callbackOf(parser: HttpParser, index: number): unknown {
  return (parser as unknown as Readonly<Record<number, unknown>>)[index];
}
