import { factsOf, Outcome } from '../core/outcome.ts';
import { giveReadMemory, takeReadMemory } from '../core/read-memory.ts';
import type { Dispatcher } from '../exchange/dispatcher.ts';
import { Exchange, RESPONSE_HEAD } from '../exchange/exchange.ts';
import { KEPT_BODY_BYTES } from '../exchange/request-body.ts';
import type { ConnectionEnd, ExchangeClient } from '../exchange/transport.ts';
import { acceptsJson, errorResponse } from '../http1/error-response.ts';
import { KnownFields } from '../http1/known-fields.ts';
import { Method } from '../http1/methods.ts';
import { Framing, INCOMPLETE, RequestHead } from '../http1/request-head.ts';
import type { Peer } from '../link/frames.ts';
import { AppRefusal, type RefusingConnection } from './app-refusal.ts';
import type { ClientConnection, ClientContext } from './client-context.ts';
import { ClientSocket } from './client-socket.ts';
import {
  APP_REFUSAL_MS,
  DELIVERY_CHECK_MS,
  FIRST_REQUEST_GRACE_MS,
  HALF_CLOSED_GRACE_MS,
  HALF_CLOSED_UPGRADE_MS,
  IN_USE_MS,
  LINGER_LIMIT_MS,
  LINGER_MS,
  Phase,
} from './connection-phase.ts';
import { COPY_LIMIT_BYTES, Http1ResponseWriter } from './http1-response-writer.ts';
import { type BodySink, RequestBodyReader } from './request-body-reader.ts';
import { framingOf, rewrittenHead } from './response-framing.ts';

/** What may come next from the client. */
const Reading = {
  Head: 0,
  Body: 1,
  /** The request is complete, or waits for an answer to its upgrade: what comes is kept, up to a bound. */
  Waiting: 2,
  Tunnel: 3,
  /** The connection will be closed: what comes is thrown away, so that the client can read our last answer. */
  Discarding: 4,
  Closed: 5,
} as const;
type Reading = (typeof Reading)[keyof typeof Reading];

/** Pipelined requests read ahead of the one in progress. The client is not read from beyond it. */
const READ_AHEAD_BYTES = 64 * 1024;

/**
 * Answers that the client has not taken and this process still holds: beyond it no further request of the connection is
 * begun. More than the window of one stream, so that it takes a client that pipelines and does not read.
 */
const MAX_UNREAD_BYTES = 256 * 1024;

/** From this size on a piece is read into memory of its own, which can be given on: smaller ones are copied on their way. */
const LENT_BODY_BYTES = 16 * 1024;

/** Heads are parsed one at a time. Its positions hold until the next parse. */
const HEAD = new RequestHead();

/** One client connection speaking HTTP/1.0 or HTTP/1.1. Requests are taken one after the other; pipelined ones wait. */
export class Http1Connection implements ClientConnection, ExchangeClient, BodySink, RefusingConnection {
  readonly id: number;
  readonly client: ClientSocket;
  deadlineMs = 0;
  idleSinceMs: number;

  readonly #context: ClientContext;
  readonly #writer: Http1ResponseWriter;
  #phase: Phase = Phase.None;
  #reading: Reading = Reading.Head;
  #exchange: Exchange | null = null;
  /** Bytes read and not used: the beginning of a head, or pipelined requests. */
  #pending: Buffer | null = null;
  #isProcessing = false;
  /** The next request waits until the client has taken the answers to those before. */
  #isHeld = false;
  /** From the second request on: many connections see one only. */
  #knownFields: KnownFields | null = null;
  /** When the first byte of the head being read came; 0 = none has. */
  #headSinceMs = 0;
  /** When all of the request in progress must be there; 0 = it may take its time. */
  #requestEndMs = 0;
  /** Until when it may linger at most. */
  #lingerEndMs = 0;

  readonly #body = new RequestBodyReader();
  #hasBody = false;
  /** Behind the head comes something of the request in progress, or may: a body, or the bytes of another protocol. */
  #bringsMore = false;
  /** What is wrong with the body of the request in progress, which the app is to answer; None = nothing. */
  #refusedBody: Outcome = Outcome.None;

  #keepsAlive = true;
  /** The next answer will be the last. */
  #isDraining: boolean;
  #clientEnded = false;
  #hasServed = false;
  /** All of the request in progress has been read: what follows is the next one. */
  #isRequestRead = true;

  constructor(handle: object, context: ClientContext) {
    this.#context = context;
    this.id = context.clients.nextId();
    this.client = new ClientSocket(handle, this);
    const { clock } = context.clients;
    this.#writer = new Http1ResponseWriter(this.client, clock, (bytes, isAll) => this.#onFlushed(bytes, isAll));
    this.#isDraining = context.clients.isDraining;
    context.clients.add(this);
    context.counters.connectionOpened();
    context.connections++;
    this.idleSinceMs = context.clients.clock.nowMs;
    this.#await(Phase.Head, context.timeouts.headMs);
  }

  get isIdle(): boolean {
    const isBetween = this.#phase === Phase.KeepAlive || (this.#phase === Phase.Head && !this.#hasServed);
    return isBetween && this.#exchange === null && this.#pending === null && this.client.queuedBytes === 0;
  }

  get listenerId(): number {
    return this.#context.listenerId;
  }

  get peer(): Peer {
    const { socket } = this.client;
    return {
      listener: this.#context.listenerId,
      remoteAddress: socket.remoteAddress,
      remotePort: socket.remotePort,
      remoteFamily: socket.remoteFamily,
      localAddress: socket.localAddress,
      localPort: socket.localPort,
      localFamily: socket.localFamily,
    };
  }

  get isSecure(): boolean {
    return false;
  }

  get end(): ConnectionEnd {
    // A client that has ended its side and takes nothing more: to the app it ended, as with Node.
    if (this.#clientEnded) return 'ended';
    return this.client.hasFailed ? 'reset' : 'closed';
  }

  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  // From the socket.

  onRead(bytes: Buffer, length: number): void {
    const nowMs = this.#context.clients.clock.tick();
    if (this.#reading === Reading.Discarding) {
      if (this.#phase === Phase.Linger) this.deadlineMs = Math.min(nowMs + LINGER_MS, this.#lingerEndMs);
      return;
    }
    if (this.#pending === null) {
      this.#process(bytes, 0, length);
      return;
    }
    if (this.#reading === Reading.Head && !bytes.subarray(0, length).includes(0x0a)) {
      // A head that drips in is looked at once a line, not once a byte.
      this.#keep(bytes, 0, length);
      if (this.#pending.length < this.#context.limits.maxHeadBytes) return;
    } else {
      this.#keep(bytes, 0, length);
    }
    this.#processPending();
  }

  onEnd(): void {
    this.#clientEnded = true;
    const exchange = this.#exchange;
    if (this.#reading === Reading.Tunnel) {
      this.#endTunnel();
      return;
    }
    if (this.#reading === Reading.Body || (exchange === null && this.client.queuedBytes === 0)) {
      this.destroy();
      return;
    }
    if (exchange === null && this.#reading === Reading.Head && this.#pending === null) {
      // It has yet to take what was written.
      this.closeGently();
      return;
    }
    // Pipelined requests that came before are still answered.
    if (this.#pending === null) this.#keepsAlive = false;
    this.#awaitLast();
  }

  onClose(): void {
    if (this.#reading === Reading.Closed) return;
    const isTunnel = this.#reading === Reading.Tunnel;
    this.#reading = Reading.Closed;
    this.#phase = Phase.None;
    this.deadlineMs = 0;
    this.#pending = null;
    this.#context.counters.connectionClosed();
    this.#context.connections--;
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.clientLeft(isTunnel && this.client.hasFailed ? 'reset' : this.end);
    this.#context.clients.remove(this);
  }

  // From housekeeping.

  onDeadline(): void {
    this.deadlineMs = 0;
    switch (this.#phase) {
      case Phase.Head:
        this.#refuse(Outcome.ClientHeadTimeout, false);
        break;
      case Phase.Body:
        this.#exchange?.fail(this.#isClientsTurn ? Outcome.ClientBodyTimeout : Outcome.EndpointHeadTimeout);
        break;
      case Phase.Response:
        this.#exchange?.fail(Outcome.EndpointHeadTimeout);
        break;
      case Phase.Write:
        if (this.#writer.isDelivering(this.#context.clients.clock.nowMs)) {
          this.#await(Phase.Write, DELIVERY_CHECK_MS);
        } else if (this.client.queuedBytes > 0) {
          this.#exchange?.fail(Outcome.ClientReadTimeout);
          this.destroy();
        } else {
          this.#phase = Phase.None;
        }
        break;
      case Phase.Left:
        if (this.#reading !== Reading.Tunnel || this.#exchange?.bytesOut === 0) this.#leaveUnlessMoving();
        else if (this.client.backlog > 0) this.#await(Phase.Write, DELIVERY_CHECK_MS);
        else this.#phase = Phase.None;
        break;
      default:
        this.#leaveUnlessMoving();
    }
  }

  #leaveUnlessMoving(): void {
    // What was written before is still being taken, or still being written.
    if (this.#writer.isMoving(this.#context.clients.clock.nowMs)) this.#await(this.#phase, DELIVERY_CHECK_MS);
    else this.destroy();
  }

  drain(): void {
    this.#keepsAlive = false;
    this.#isDraining = true;
    if (this.#exchange !== null || this.#reading !== Reading.Head || this.#pending !== null) return;
    // The request of a connection that has just been made, or is in use, is most likely on its way. Behind a listener that
    // its app has closed nobody would answer it.
    const { isDraining, clock } = this.#context.clients;
    const isInUse = isDraining && clock.nowMs - this.idleSinceMs < IN_USE_MS;
    if (this.#hasServed && !isInUse && this.client.queuedBytes === 0) this.destroy();
    else this.#await(Phase.Left, isInUse ? IN_USE_MS : FIRST_REQUEST_GRACE_MS);
  }

  destroy(): void {
    this.client.socket.destroy();
    this.onClose();
  }

  /** The app closed the connection (`Connection: close` or not): do so when its response is out. */
  closeAfterResponse(): void {
    this.#keepsAlive = false;
    if (this.#exchange === null && this.#reading === Reading.Head) this.closeGently();
  }

  probe(isOn: boolean, afterSeconds: number): void {
    this.client.socket.setKeepAlive(isOn, afterSeconds * 1000);
  }

  // From the exchange.

  respondInterim(bytes: Buffer, start: number, end: number): void {
    this.#writer.text(bytes.latin1Slice(start, end));
  }

  respond(bytes: Buffer, start: number, headEnd: number, end: number, isLast: boolean): void {
    const writer = this.#writer;
    const exchange = this.#exchange!;
    const { status } = RESPONSE_HEAD;
    // RFC 9112 section 6.1: no coding is sent to an HTTP/1.0 client, whatever the app does.
    const isUnchunked = exchange.minorVersion === 0 && RESPONSE_HEAD.framing === Framing.Chunked;
    const framing = framingOf(exchange.method, isUnchunked ? Framing.UntilClose : RESPONSE_HEAD.framing);
    writer.framing = framing;
    if (this.#phase === Phase.Response) this.#await(Phase.None, 0);
    if (framing === Framing.UntilClose || !RESPONSE_HEAD.keepAlive || exchange.endsUnread) this.#keepsAlive = false;

    // Node writes what the client may expect of the connection; when we know better, the client must be told.
    const saysTooMuch = RESPONSE_HEAD.keepAlive && !this.#keepsAlive && (framing !== Framing.UntilClose || isUnchunked);
    const isRewritten = saysTooMuch || isUnchunked || (status === 204 && RESPONSE_HEAD.framing !== Framing.UntilClose);
    if (isLast && framing !== Framing.Chunked && !isRewritten) {
      if (end - start <= COPY_LIMIT_BYTES) writer.text(bytes.latin1Slice(start, end));
      else writer.whole(bytes, start, headEnd, end, exchange.transport, this);
      return;
    }
    const head = bytes.latin1Slice(start, headEnd);
    writer.cork(exchange.transport, this);
    writer.text(isRewritten ? rewrittenHead(head, saysTooMuch, isUnchunked || status === 204) : head);
    writer.body(bytes, headEnd, end);
    if (isLast) writer.end('');
  }

  respondBody(bytes: Buffer, start: number, end: number): void {
    this.#writer.cork(this.#exchange?.transport ?? null, this);
    this.#writer.body(bytes, start, end);
  }

  respondEnd(trailers: string): void {
    if (this.#reading === Reading.Tunnel) {
      this.#writer.uncork();
      this.client.socket.end();
      return;
    }
    this.#writer.end(trailers);
  }

  respondError(outcome: number): void {
    const exchange = this.#exchange!;
    // With some of the request unread its framing is in doubt.
    if (!this.#isRequestRead || this.#clientEnded) this.#keepsAlive = false;
    if (factsOf(outcome as Outcome).status === 408) this.#keepsAlive = false;
    if (this.#isAppsToRefuse(outcome as Outcome)) this.#refusedBody = outcome as Outcome;
    else this.#writeError(outcome as Outcome, exchange.lines, exchange.method === Method.Head);
  }

  cut(outcome: number, isReset: boolean = false): void {
    const isTunnel = this.#reading === Reading.Tunnel;
    // What was written before may go out; then the connection ends without the end of its framing. A body that ends
    // with the connection would look whole: only a reset tells. In a tunnel the end is the app's to give.
    if (isReset || (this.#writer.framing === Framing.UntilClose && !isTunnel)) this.closeNow(true);
    else if (isTunnel) this.closeNow(false);
    // An app that destroys a connection wants no more of what its client sends.
    else this.closeGently(outcome === Outcome.EndpointAborted ? LINGER_MS : LINGER_LIMIT_MS);
  }

  openTunnel(): void {
    this.#reading = Reading.Tunnel;
    this.#writer.framing = Framing.UntilClose;
    this.#keepsAlive = false;
    this.#await(Phase.None, 0);
    this.client.resume();
    this.#processPending();
    if (this.#clientEnded) this.#endTunnel();
  }

  /** Apps that take upgrades often leave those that they do not know alone, and never hear that their clients have gone. */
  #endTunnel(): void {
    this.#exchange?.endBody('');
    if (this.#exchange?.bytesOut === 0) this.#await(Phase.Left, HALF_CLOSED_UPGRADE_MS);
  }

  declineTunnel(): void {
    // From now on it is a request as any other.
    if (this.#hasBody) this.#beginBody();
    if (this.#clientEnded) this.#await(Phase.Left, HALF_CLOSED_GRACE_MS);
    if (!this.#hasBody) {
      this.#exchange!.endBody('');
      return;
    }
    this.client.resume();
    this.#processPending();
  }

  resumeBody(): void {
    if (this.#reading === Reading.Body || this.#reading === Reading.Tunnel) {
      this.#awaitBody();
      this.client.resume();
      this.#processPending();
    } else if (this.#reading === Reading.Waiting && (this.#pending?.length ?? 0) < READ_AHEAD_BYTES) {
      // All of the body has come, and some of it had to wait: whether the client leaves is to be seen.
      this.client.resume();
    }
  }

  settle(): boolean {
    const isLent = this.#writer.settle();
    if (this.client.backlog > 0 && this.#phase === Phase.None) this.#await(Phase.Write, DELIVERY_CHECK_MS);
    return isLent;
  }

  exchangeDone(): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    const { method, keepAlive } = exchange;
    // Bytes behind a CONNECT that was declined may be meant for the tunnel, and are nobody's request.
    if (method === Method.Connect) this.#keepsAlive = false;
    this.#exchange = null;
    this.#hasServed = true;
    if (this.#reading === Reading.Closed || this.#reading === Reading.Discarding) return;
    if (this.#refusedBody !== Outcome.None) {
      this.#refuseByApp(this.#refusedBody, exchange.dispatcher, exchange.endpoint);
      return;
    }
    // What is left of a body must not be taken for a request (RFC 9112 section 9.3).
    if (this.#isDraining || !this.#isRequestRead) this.#keepsAlive = false;
    if (!this.#keepsAlive) {
      if (keepAlive || this.#bringsMore || this.#pending !== null) this.closeGently();
      else this.#closeAtOnce();
      return;
    }
    if (this.client.hasOwnBuffer && this.#writer.isFlushed) this.client.useSharedBuffer();
    this.#reading = Reading.Head;
    this.#await(Phase.KeepAlive, this.#context.timeouts.keepAliveMs);
    this.client.resume();
    this.#processPending();
  }

  // From a refusal by the app.

  refuseItself(outcome: Outcome): void {
    this.#writeError(outcome, '', false);
    this.closeGently();
  }

  refusalDone(): void {
    this.#exchange = null;
  }

  // Reading.

  #processPending(): void {
    if (this.#isProcessing) return;
    const pending = this.#pending;
    if (pending !== null) {
      this.#pending = null;
      this.#process(pending, 0, pending.length);
    }
    // After the client's FIN what has been read is all there will be.
    if (this.#clientEnded && this.#reading === Reading.Head && this.#pending === null) this.closeGently();
  }

  /** Takes as much of [from, to) as can be taken now; keeps the rest. */
  #process(bytes: Buffer, from: number, to: number): void {
    this.#isProcessing = true;
    let at = from;
    while (at < to) {
      switch (this.#reading) {
        case Reading.Head: {
          const next = this.client.backlog > MAX_UNREAD_BYTES ? this.#hold() : this.#takeHead(bytes, at, to);
          if (next === INCOMPLETE) {
            this.#keep(bytes, at, to);
            at = to;
          } else {
            at = next;
          }
          break;
        }
        case Reading.Body:
          at = this.#body.read(bytes, at, to, this);
          if (at < to && this.#reading === Reading.Body) {
            // No more can be taken for now.
            this.#keep(bytes, at, to);
            at = to;
          }
          break;
        case Reading.Waiting:
          this.#keep(bytes, at, to);
          if (this.#pending!.length >= READ_AHEAD_BYTES) this.client.pause();
          at = to;
          break;
        case Reading.Tunnel:
          this.#takeTunnel(bytes.subarray(at, to));
          at = to;
          break;
        default:
          at = to;
      }
    }
    this.#isProcessing = false;
  }

  /** Where the head ended, or INCOMPLETE. */
  #takeHead(bytes: Buffer, from: number, to: number): number {
    const context = this.#context;
    const nowMs = context.clients.clock.nowMs;
    const end = HEAD.parse(bytes, from, to, context.limits, this.#knownFields);
    if (end === INCOMPLETE) {
      if (this.#clientEnded) {
        this.closeGently();
        return to;
      }
      // An empty line is no request yet: some clients send one behind a body.
      if (HEAD.start < to && this.#headSinceMs === 0) {
        this.#headSinceMs = nowMs;
        if (this.#phase !== Phase.Head) this.#await(Phase.Head, context.timeouts.headMs);
      }
      return INCOMPLETE;
    }
    if (end < 0) {
      this.#refuse(-end as Outcome, HEAD.method === Method.Head);
      return to;
    }
    if (this.#hasServed) {
      this.#knownFields ??= new KnownFields();
      HEAD.tell(this.#knownFields, bytes, end);
    }
    const sinceMs = this.#headSinceMs === 0 ? nowMs : this.#headSinceMs;
    this.#headSinceMs = 0;
    const framing = HEAD.framing;
    const wantsUpgrade = HEAD.wantsUpgrade;
    // After the client's FIN what has been read is all there will be.
    const keepAlive = HEAD.keepAlive && !this.#isDraining && !(this.#clientEnded && end === to);
    this.#keepsAlive = keepAlive;
    this.#hasBody = framing !== Framing.None;
    this.#bringsMore = this.#hasBody || wantsUpgrade;
    this.#writer.reset();
    const routed = context.router.only ?? this.#route(bytes);
    // Somebody has to count it and to say how to answer, also where nobody is to have it.
    const dispatcher = routed ?? context.router.first;
    if (dispatcher === null) {
      this.destroy();
      return to;
    }
    const exchange = new Exchange(
      this,
      dispatcher,
      {
        connectionId: this.id,
        method: HEAD.method,
        minorVersion: HEAD.minorVersion,
        lines: bytes.latin1Slice(HEAD.start, end - 2),
        targetOffset: HEAD.targetStart - HEAD.start,
        targetLength: HEAD.targetEnd - HEAD.targetStart,
        hasBody: framing !== Framing.None,
        isLarge: HEAD.contentLength > KEPT_BODY_BYTES,
        wantsUpgrade,
        keepAlive: HEAD.keepAlive,
        refusal: null,
      },
      nowMs,
    );
    this.#exchange = exchange;
    this.#isRequestRead = framing === Framing.None;
    const { requestMs } = context.timeouts;
    this.#requestEndMs = requestMs === 0 ? 0 : sinceMs + requestMs;
    if (framing === Framing.None || wantsUpgrade) {
      this.#reading = Reading.Waiting;
      this.#await(Phase.Response, dispatcher.responseTimeoutMs);
    } else {
      this.#beginBody();
    }
    if (this.#clientEnded) this.#awaitLast();
    if (framing !== Framing.None) {
      this.#body.begin(framing, HEAD.contentLength);
      if (HEAD.contentLength > KEPT_BODY_BYTES) this.client.useOwnBuffer();
    }
    if (routed === null) exchange.fail(Outcome.NoRoute);
    else dispatcher.admit(exchange, nowMs);
    return end;
  }

  /** Begins no other request until the client has taken what was written for those before. */
  #hold(): typeof INCOMPLETE {
    if (!this.#isHeld) {
      this.#isHeld = true;
      this.client.pause();
      this.#await(Phase.Write, DELIVERY_CHECK_MS);
      // An empty write is through when all before it are, those past the stream, too, of which 'drain' does not tell.
      this.client.socket.write('', () => {
        this.#isHeld = false;
        if (this.#reading !== Reading.Head) return;
        this.#await(Phase.KeepAlive, this.#context.timeouts.keepAliveMs);
        this.client.resume();
        this.#processPending();
      });
    }
    return INCOMPLETE;
  }

  /** Where host and path of the head just parsed lead. */
  #route(bytes: Buffer): Dispatcher | null {
    const host = bytes.latin1Slice(HEAD.hostStart, HEAD.hostEnd);
    return this.#context.router.route(host, bytes.latin1Slice(HEAD.targetStart, HEAD.targetEnd));
  }

  // From the reader of bodies.

  bodyPiece(view: Buffer): boolean {
    const exchange = this.#exchange;
    if (exchange === null) return false;
    if (view.length >= LENT_BODY_BYTES && !this.client.mayGive(view)) {
      // What is sent on without a copy must not lie in memory that others read into: that of all connections, as with
      // the first piece of a large body, or what was given away with a piece of this read.
      const memory = takeReadMemory();
      const copy = memory.subarray(0, view.copy(memory));
      if (exchange.pushBody(copy, true)) giveReadMemory(memory);
      this.client.useOwnBuffer();
    } else if (!exchange.pushBody(view, this.client.owns(view))) {
      this.client.renewOwnBuffer();
    }
    if (exchange.isFinished) return false;
    this.#awaitBody();
    if (!exchange.body!.isFull) return true;
    this.client.pause();
    return false;
  }

  bodyComplete(trailers: string): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    this.#reading = Reading.Waiting;
    this.#isRequestRead = true;
    if (this.#phase === Phase.Body) {
      if (exchange.isAnswered) this.#await(Phase.None, 0);
      else this.#await(Phase.Response, exchange.dispatcher.responseTimeoutMs);
    }
    exchange.endBody(trailers);
  }

  bodyRefused(outcome: Outcome): void {
    this.#exchange?.fail(outcome);
  }

  #takeTunnel(view: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    exchange.pushBody(Buffer.from(view), true);
    if (exchange.body!.isFull) this.client.pause();
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    if (from === to) return;
    const view = bytes.subarray(from, to);
    this.#pending = this.#pending === null ? Buffer.from(view) : Buffer.concat([this.#pending, view]);
  }

  // Writing.

  /** Answers what cannot become an exchange, and closes: the client's framing is in doubt. */
  #refuse(outcome: Outcome, isHead: boolean): void {
    this.#keepsAlive = false;
    const dispatcher = this.#context.router.first;
    if (this.#context.handlesClientError && dispatcher !== null && dispatcher.pool.eligible.length > 0) {
      this.#refuseByApp(outcome, dispatcher);
      return;
    }
    dispatcher?.refused(outcome, this);
    this.#writeError(outcome, '', isHead);
    this.closeGently();
  }

  /** A body that is malformed or late is told to the one that has the request, and has not answered it. */
  #isAppsToRefuse(outcome: Outcome): boolean {
    const isOfBody =
      outcome === Outcome.ClientBadBody ||
      outcome === Outcome.ClientBodyTooLarge ||
      outcome === Outcome.ClientBodyTimeout;
    return isOfBody && this.#context.handlesClientError && this.#exchange!.endpoint?.isUsable === true;
  }

  /** The app listens for 'clientError': the answer is its own. @param endpoint that has had the request; null = none has */
  #refuseByApp(outcome: Outcome, dispatcher: Dispatcher, endpoint: Exchange['endpoint'] = null): void {
    const { nowMs } = this.#context.clients.clock;
    this.#reading = Reading.Discarding;
    this.#pending = null;
    this.#await(Phase.Refusal, APP_REFUSAL_MS);
    const { exchange } = new AppRefusal(this, this.#writer, outcome, dispatcher, nowMs);
    this.#exchange = exchange;
    if (endpoint === null) {
      dispatcher.admit(exchange, nowMs);
      return;
    }
    // Not a request more, but the rest of one that was counted.
    exchange.isPinned = true;
    exchange.open(endpoint, nowMs);
  }

  #writeError(outcome: Outcome, lines: string, headOnly: boolean): void {
    const text = errorResponse(outcome, {
      json: acceptsJson(lines),
      close: !this.#keepsAlive,
      headOnly,
      retryAfterSeconds: this.#exchange?.dispatcher.retryAfterSeconds ?? null,
    });
    if (this.#exchange !== null) this.#exchange.bytesOut += text.length;
    this.#writer.text(text);
  }

  /**
   * Closes in the order that lets the client read what was written (RFC 9112 section 9.6): our FIN first, then reading
   * on for a while, since closing with unread bytes makes the kernel send a reset that destroys the answer, and those before
   * it.
   */
  closeGently(limitMs: number = LINGER_LIMIT_MS): void {
    this.#reading = Reading.Discarding;
    this.#pending = null;
    this.#writer.uncork();
    if (this.#clientEnded) this.client.socket.destroySoon();
    else this.client.socket.end();
    this.client.resume();
    this.#lingerEndMs = this.#context.clients.clock.nowMs + limitMs;
    this.#await(Phase.Linger, LINGER_MS);
  }

  /**
   * The client has said that this was its last request, and nothing is to come of it that could turn the close into a reset:
   * behind a body some send a line break more, behind an upgrade or CONNECT its bytes. A FIN, and a wait for the client's,
   * takes a quarter more of our time for a connection.
   */
  #closeAtOnce(): void {
    this.#writer.uncork();
    if (this.client.backlog > 0) this.closeNow(false);
    else this.destroy();
  }

  /** What was written before may go out; what comes from now on is thrown away. */
  closeNow(isReset: boolean): void {
    this.#keepsAlive = false;
    this.#reading = Reading.Discarding;
    this.#writer.uncork();
    if (isReset) this.client.reset();
    else this.client.socket.destroySoon();
    this.#await(Phase.Linger, LINGER_MS);
  }

  #onFlushed(bytes: number, isAll: boolean): void {
    if (isAll && this.#phase === Phase.Write) this.#await(Phase.None, 0);
    if (bytes > 0) this.#exchange?.responseFlushed(bytes);
  }

  /** Either the client is to send more of the body, or the endpoint to take what there is. */
  get #isClientsTurn(): boolean {
    const isLate = this.#requestEndMs !== 0 && this.#context.clients.clock.nowMs >= this.#requestEndMs;
    return isLate || this.#exchange?.body?.isFull !== true;
  }

  #beginBody(): void {
    this.#reading = Reading.Body;
    this.#phase = Phase.Body;
    this.#awaitBody();
  }

  #awaitBody(): void {
    if (this.#phase !== Phase.Body) return;
    const exchange = this.#exchange!;
    const { nowMs } = this.#context.clients.clock;
    // What the endpoint may take for a response, it may take for any part of the request before it.
    const endpointMs = exchange.isAnswered ? 0 : exchange.dispatcher.responseTimeoutMs;
    const turnMs = exchange.body!.isFull ? endpointMs : this.#context.timeouts.bodyMs;
    const endMs = this.#requestEndMs;
    const untilMs = turnMs === 0 ? endMs : endMs === 0 ? nowMs + turnMs : Math.min(endMs, nowMs + turnMs);
    this.deadlineMs = untilMs === 0 ? 0 : Math.max(untilMs, nowMs + 1);
  }

  /** The client has ended its side, and has an answer coming. */
  #awaitLast(): void {
    if (this.#exchange?.wantsUpgrade !== true || this.#exchange.isAnswered) {
      this.#await(Phase.Left, HALF_CLOSED_GRACE_MS);
    } else if (this.deadlineMs === 0) {
      this.#await(Phase.Left, HALF_CLOSED_UPGRADE_MS);
    }
  }

  #await(phase: Phase, afterMs: number): void {
    const { nowMs } = this.#context.clients.clock;
    this.#phase = phase;
    this.deadlineMs = afterMs === 0 ? 0 : nowMs + afterMs;
    if (phase === Phase.KeepAlive) this.idleSinceMs = nowMs;
  }
}
