import { Outcome } from '../core/outcome.ts';
import { type Exchange, RESPONSE_HEAD } from '../exchange/exchange.ts';
import { COPIED_BYTES } from '../exchange/transport.ts';
import { Chunk, ChunkedDecoder } from '../http1/chunked-decoder.ts';
import { Method } from '../http1/methods.ts';
import { ProxiedRequest, requestTrailers } from '../http1/proxied-request.ts';
import { ProxiedResponse, proxiedTrailers, type ResponseRules } from '../http1/proxied-response.ts';
import { Framing, INCOMPLETE, MAX_FIELDS } from '../http1/request-head.ts';
import { BAD_RESPONSE } from '../http1/response-head.ts';
import { REQUEST_WINDOW_BYTES, RESPONSE_WINDOW_BYTES } from '../link/frames.ts';
import type { Http1Transport } from './http1-transport.ts';
import { UpstreamSocket } from './upstream-socket.ts';

/** What may come next from the server. */
export const Upstream = {
  Connecting: 0,
  /** Nothing: it is kept for the next request. */
  Idle: 1,
  /** The head of a response. */
  Head: 2,
  Body: 3,
  Tunnel: 4,
  /** The response is complete, the exchange is not. */
  Complete: 5,
  Closed: 6,
} as const;
export type Upstream = (typeof Upstream)[keyof typeof Upstream];

/**
 * Of a server. One of a worker, which is the user's own and travels in one frame, may be longer: see `MAX_PAYLOAD_BYTES`. Node
 * itself takes 16 KiB of a server.
 */
const MAX_HEAD_BYTES = 96 * 1024;

/** A server that takes none of a request's last bytes for so long, having answered it, never will. */
const LAST_WRITE_STALL_MS = 5_000;

/** The same for the last bytes of a tunnel, of which nobody has said yet that they are not wanted. */
const TUNNEL_STALL_MS = 60_000;

/** Heads are rewritten one at a time. */
const REQUEST = new ProxiedRequest();
const RESPONSE = new ProxiedResponse(MAX_FIELDS);

const INTERIM: ResponseRules = Object.freeze({ keepsUpgrade: false, keepsLoad: false, isDated: false, added: '' });
const PLAIN: ResponseRules = Object.freeze({ ...INTERIM, isDated: true });
const WITH_LOAD: ResponseRules = Object.freeze({ ...PLAIN, keepsLoad: true });

/** One connection to a server. It carries one exchange at a time. */
export class Http1UpstreamConnection {
  /** Its place in the transport's table; an exchange knows it by this number. */
  readonly slot: number;
  readonly socket: UpstreamSocket;
  exchange: Exchange | null = null;
  /** When {@link onDeadline} is due; 0 = never. Monotonic ms. */
  deadlineMs = 0;
  /** Since when the whole request has been there, and nothing of an answer; 0 = that is not so. */
  owesSinceMs = 0;
  /** When it became idle. */
  idleSinceMs = 0;
  /** For so long it may be idle; the server may have said less than the pool's settings do. */
  idleLimitMs: number;
  /** The exchange was sent before, on a connection that closed under it. */
  isReplay = false;
  /** False once we have closed it ourselves. */
  isWanted = true;

  readonly #transport: Http1Transport;
  #state: Upstream = Upstream.Connecting;
  /** It has answered before: the server may have closed it for its own reasons. */
  #isReused = false;
  #keepsAlive = true;
  /** Bytes of the present response have come. */
  #hasAnswered = false;

  // Writing.
  /** Text that leaves with the next write. */
  #out = '';
  #isWoken = false;
  #requestFraming: Framing = Framing.None;
  #isTunnelRequest = false;
  /** What the request's Connection field took out of its head; its trailers come later. */
  #requestNominated: ReadonlySet<string> | null = null;
  /** The request is complete. */
  #isSent = false;
  /** Pieces of the request written so far. */
  #writes = 0;
  /** Some of the first of them may have left, and some has not. */
  #isHalfSent = false;
  /** The end of a body that came while there was no connection yet; null = none did. */
  #earlyEnd: string | null = null;
  /** Bytes of the body that wait for the kernel. */
  #unflushed = 0;
  /** Bytes that waited for it when it was last looked after the end, and since when there were just as many. */
  #leftBytes = 0;
  #leftSinceMs = 0;

  // Reading.
  /** The beginning of a head. */
  #pending: Buffer | null = null;
  #framing: Framing = Framing.None;
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;
  /** As {@link #requestNominated}, of the response. */
  #responseNominated: ReadonlySet<string> | null = null;
  /** Bytes of the response that the client has not used up. */
  #ungranted = 0;
  #hasServerEnded = false;
  #isReading = false;
  #wasTunnel = false;

  constructor(transport: Http1Transport, slot: number, nowMs: number) {
    this.#transport = transport;
    this.slot = slot;
    const { connectTimeoutMs, idleTimeoutMs } = transport.settings;
    this.idleLimitMs = idleTimeoutMs;
    this.deadlineMs = connectTimeoutMs === 0 ? 0 : nowMs + connectTimeoutMs;
    this.socket = new UpstreamSocket(transport.address, transport.tls, transport.session, this, transport.onSession);
  }

  get state(): Upstream {
    return this.#state;
  }

  get isIdle(): boolean {
    return this.#state === Upstream.Idle;
  }

  // From the transport.

  /** Takes this exchange; its credit is set. */
  open(exchange: Exchange): void {
    this.exchange = exchange;
    exchange.stream = this.slot;
    if (this.#state === Upstream.Connecting) exchange.credit = 0;
    else this.#send(exchange);
  }

  sendBody(bytes: Buffer): boolean {
    const length = bytes.length;
    if (length === 0 || this.socket.isDeaf) return true;
    const isChunked = this.#requestFraming === Framing.Chunked;
    this.#unflushed += length;
    if (this.#hasResponded) this.#awaitMore();
    if (length <= COPIED_BYTES) {
      const text = bytes.latin1Slice(0, length);
      this.#out += isChunked ? `${length.toString(16)}\r\n${text}\r\n` : text;
      if (this.#out.length > COPIED_BYTES) this.#flush();
      else this.#wake();
      return true;
    }
    const { socket } = this;
    socket.cork();
    if (isChunked) this.#out += `${length.toString(16)}\r\n`;
    if (this.#out !== '') this.#flush();
    socket.bodyBytes(bytes);
    if (isChunked) this.#out = '\r\n';
    if (this.#out !== '') this.#flush();
    socket.uncork();
    this.#writes++;
    return socket.backlog === 0;
  }

  endBody(trailers: string): void {
    if (this.#state === Upstream.Tunnel) {
      this.#flush();
      this.socket.end();
      return;
    }
    if (this.#state === Upstream.Connecting) {
      this.#earlyEnd = trailers;
      return;
    }
    if (this.#isSent) return;
    if (this.#requestFraming === Framing.Chunked)
      this.#out += `0\r\n${requestTrailers(trailers, this.#requestNominated)}\r\n`;
    this.#flush();
    this.#isSent = true;
    if (this.#hasResponded) this.#awaitMore();
    if (this.#state === Upstream.Head) this.owesSinceMs = this.#transport.clock.nowMs;
  }

  grant(bytes: number): void {
    this.#ungranted -= bytes;
    if (this.#ungranted < RESPONSE_WINDOW_BYTES) this.socket.resume();
  }

  /** The exchange is over. True when the connection can carry another. */
  release(nowMs: number): boolean {
    this.exchange = null;
    if (this.#state !== Upstream.Complete || !this.#isSent || !this.#keepsAlive || this.#hasServerEnded) return false;
    this.#state = Upstream.Idle;
    this.isReplay = false;
    this.#isReused = true;
    this.idleSinceMs = nowMs;
    this.deadlineMs = this.idleLimitMs === 0 ? 0 : nowMs + this.idleLimitMs;
    this.#ungranted = 0;
    if (!this.#isReading) this.socket.useSharedBuffer();
    this.socket.resume();
    return true;
  }

  /** Nothing more is wanted of it. `isReset`: the other end is to see that it did not end well. */
  destroy(isReset: boolean = false): void {
    this.exchange = null;
    this.isWanted = false;
    this.deadlineMs = 0;
    this.owesSinceMs = 0;
    if (isReset && this.#state === Upstream.Tunnel) this.socket.reset();
    else this.socket.destroy();
  }

  get isTunnel(): boolean {
    return this.#state === Upstream.Tunnel || this.#wasTunnel;
  }

  /** The same once all that was written has left. */
  destroySoon(nowMs: number): void {
    this.exchange = null;
    this.isWanted = false;
    this.#leftBytes = this.socket.backlog;
    this.#leftSinceMs = nowMs;
    this.deadlineMs = nowMs + LAST_WRITE_STALL_MS;
    this.socket.destroySoon();
  }

  onDeadline(): void {
    this.deadlineMs = 0;
    const { exchange } = this;
    if (!this.isWanted && this.#isTakingTheRest()) return;
    switch (this.#state) {
      case Upstream.Connecting:
        this.#transport.onConnectTimeout(this);
        break;
      case Upstream.Body:
        if (exchange === null || this.#isClientsTurn(exchange)) this.#awaitMore();
        else exchange.fail(Outcome.EndpointSilent);
        break;
      case Upstream.Complete:
        // It has answered, and takes no more of the request.
        if (exchange !== null && this.#isClientsTurn(exchange)) this.#awaitMore();
        else this.socket.destroy();
        break;
      default:
        this.socket.destroy();
    }
  }

  /** After the end. The next look is due then. */
  #isTakingTheRest(): boolean {
    const nowMs = this.#transport.clock.nowMs;
    const left = this.socket.backlog;
    if (left !== this.#leftBytes) {
      this.#leftBytes = left;
      this.#leftSinceMs = nowMs;
    }
    if (nowMs - this.#leftSinceMs >= (this.isTunnel ? TUNNEL_STALL_MS : LAST_WRITE_STALL_MS)) return false;
    this.deadlineMs = nowMs + LAST_WRITE_STALL_MS;
    return true;
  }

  // From the socket.

  onConnect(): void {
    this.deadlineMs = 0;
    this.#state = Upstream.Idle;
    const { exchange } = this;
    this.#transport.onConnected(this);
    if (exchange === null) return;
    this.#send(exchange);
    if (this.exchange !== exchange) return;
    exchange.onWindow(REQUEST_WINDOW_BYTES);
    if (this.#earlyEnd !== null) this.endBody(this.#earlyEnd);
    // The first request on a connection is not held back: a server that turns connections away answers it unread.
    this.#flush();
  }

  onRead(bytes: Buffer, length: number): void {
    const transport = this.#transport;
    const nowMs = transport.clock.tick();
    transport.heard(nowMs);
    this.#isReading = true;
    if (this.#pending === null) {
      this.#process(bytes, 0, length);
    } else {
      const view = bytes.subarray(0, length);
      const hasLine = view.includes(0x0a);
      const all = Buffer.concat([this.#pending, view]);
      // A head that drips in is looked at once a line, not once a byte.
      this.#pending = all;
      if (hasLine || all.length > MAX_HEAD_BYTES) {
        this.#pending = null;
        this.#process(all, 0, all.length);
      }
    }
    this.#isReading = false;
    if (transport.settle()) this.socket.renewOwnBuffer();
    if (this.#state === Upstream.Idle) this.socket.useSharedBuffer();
  }

  onEnd(): void {
    this.#hasServerEnded = true;
    this.#transport.clock.tick();
    const { exchange } = this;
    if (exchange !== null && this.#state === Upstream.Tunnel) {
      exchange.onEnd('');
      return;
    }
    const endsHere = this.#state === Upstream.Body && this.#framing === Framing.UntilClose;
    if (exchange !== null && endsHere && !this.socket.wasReset) this.#complete(exchange, '');
    this.socket.destroy();
  }

  onFlushed(): void {
    if (this.#unflushed === 0) return;
    const left = Math.min(this.#unflushed, this.socket.backlog);
    const flushed = this.#unflushed - left;
    this.#unflushed = left;
    if (flushed > 0) this.exchange?.onWindow(flushed);
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    const state = this.#state;
    if (state === Upstream.Closed) return;
    this.#wasTunnel = state === Upstream.Tunnel;
    this.#state = Upstream.Closed;
    this.deadlineMs = 0;
    this.owesSinceMs = 0;
    this.#transport.onClosed(this, state === Upstream.Connecting, error);
  }

  /** It closed under a request of which no byte of an answer had come, having served before. */
  get closedWhileKept(): boolean {
    return this.#isReused && !this.#hasAnswered;
  }

  /** Nothing of the request can have reached the server. */
  isUnsent(error: NodeJS.ErrnoException | null): boolean {
    return this.#writes === 0 || (error?.syscall === 'write' && this.#writes === 1 && !this.#isHalfSent);
  }

  // Writing.

  #send(exchange: Exchange): void {
    const transport = this.#transport;
    const { body } = exchange;
    REQUEST.write(exchange, body !== null, transport.rules, transport.forwardedClientOf(exchange.client));
    this.#state = Upstream.Head;
    this.deadlineMs = 0;
    this.#hasAnswered = false;
    this.#writes = 0;
    this.#isHalfSent = false;
    this.#unflushed = 0;
    this.#requestFraming = REQUEST.framing;
    this.#isTunnelRequest = REQUEST.isTunnel;
    this.#requestNominated = REQUEST.nominated;
    const hasBody = REQUEST.framing !== Framing.None && body !== null;
    this.#isSent = !hasBody;
    this.#out = REQUEST.text;
    this.#wake();
    if (!hasBody) {
      this.owesSinceMs = transport.clock.nowMs;
      transport.turn.messageComplete();
    }
    // A request to upgrade that goes on as an ordinary one: its body, if it has one, need not wait for an answer. That was said
    // before where it is sent again.
    if (exchange.awaitsUpgrade && !this.#isTunnelRequest) exchange.onPlain();
  }

  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#transport.turn.wake(this);
  }

  /** The turn is over, and what has gathered leaves. */
  flush(): void {
    this.#isWoken = false;
    if (this.#state !== Upstream.Closed) this.#flush();
  }

  #flush(): void {
    const out = this.#out;
    // One that was ended in this turn, of which we are still to hear, gets nothing more: what waited was not sent.
    if (out === '' || this.socket.isDeaf) return;
    this.#out = '';
    this.#writes++;
    if (this.#unflushed === 0) this.socket.text(out);
    else this.socket.bodyText(out);
    // What is small leaves as one, or not at all.
    if (this.#writes === 1 && out.length > COPIED_BYTES) this.#isHalfSent = this.socket.isLagging;
  }

  // Reading.

  #process(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const { exchange } = this;
      switch (this.#state) {
        case Upstream.Head:
          if (exchange === null) return;
          at = this.#writes === 0 ? this.#refuseUnasked(to) : this.#takeHead(exchange, bytes, at, to);
          break;
        case Upstream.Body:
          if (exchange === null) return;
          at = this.#takeBody(exchange, bytes, at, to);
          break;
        case Upstream.Tunnel:
          if (exchange === null) return;
          this.#hand(exchange, bytes, at, to);
          return;
        default:
          at = this.#refuseUnasked(to);
      }
    }
  }

  /** Nobody asked for these bytes; whatever they are, they must not meet the next request. */
  #refuseUnasked(to: number): number {
    this.#keepsAlive = false;
    this.socket.destroy();
    return to;
  }

  /** Where it went on; `to` where there is nothing more to do with these bytes. */
  #takeHead(exchange: Exchange, bytes: Buffer, from: number, to: number): number {
    this.#hasAnswered = true;
    if (this.owesSinceMs !== 0) {
      this.#transport.answeredAfter(this.#transport.clock.nowMs - this.owesSinceMs);
      this.owesSinceMs = 0;
    }
    const end = RESPONSE_HEAD.parse(bytes, from, to);
    if (end === INCOMPLETE && to - from <= MAX_HEAD_BYTES) {
      this.#pending = Buffer.from(bytes.subarray(from, to));
      return to;
    }
    if (
      end === BAD_RESPONSE ||
      end === INCOMPLETE ||
      end - from > MAX_HEAD_BYTES ||
      RESPONSE_HEAD.fields > MAX_FIELDS
    ) {
      exchange.fail(Outcome.EndpointBadResponse);
      return to;
    }
    const { status } = RESPONSE_HEAD;
    if (status < 200) return this.#takeInterim(exchange, bytes, from, end, to);
    if (this.#isTunnelRequest) {
      // RFC 9110 section 9.3.6: no length and no coding stand in an answer that opens a tunnel. With one it is the answer of a
      // server that takes any method for GET, and would go on reading requests, from clients that it cannot know.
      const agrees = status < 300 && RESPONSE_HEAD.framing === Framing.UntilClose;
      if (exchange.method === Method.Connect && agrees) return this.#openTunnel(exchange, bytes, from, to);
      // The server declines the upgrade, and answers as to any request.
      exchange.onPlain();
      if (exchange.isFinished) return to;
    }
    return this.#takeFinalHead(exchange, bytes, from, end, to);
  }

  #takeInterim(exchange: Exchange, bytes: Buffer, from: number, end: number, to: number): number {
    if (RESPONSE_HEAD.status === 101) {
      if (!this.#isTunnelRequest || exchange.method === Method.Connect) {
        exchange.fail(Outcome.EndpointBadResponse);
        return to;
      }
      return this.#openTunnel(exchange, bytes, from, to);
    }
    RESPONSE.write(bytes, from, end, RESPONSE_HEAD, INTERIM);
    exchange.onInterim(RESPONSE.bytes, RESPONSE.start, RESPONSE.headEnd);
    return exchange.isFinished ? to : end;
  }

  /** From now on bytes both ways. Its own answer is the first of them, as of a worker. */
  #openTunnel(exchange: Exchange, bytes: Buffer, from: number, to: number): number {
    this.#state = Upstream.Tunnel;
    this.#requestFraming = Framing.None;
    this.#keepsAlive = false;
    this.deadlineMs = 0;
    // Opening it may bring the client's first bytes, and change the buffer that is read into; not this one.
    exchange.onTunnel();
    if (!exchange.isFinished) this.#hand(exchange, bytes, from, to);
    return to;
  }

  #takeFinalHead(exchange: Exchange, bytes: Buffer, from: number, end: number, to: number): number {
    const transport = this.#transport;
    const head = RESPONSE_HEAD;
    const { status } = head;
    const { settings } = transport;
    const isOldClient = exchange.minorVersion === 0;
    const hasNoBody = exchange.method === Method.Head || status === 204 || status === 304;
    const framing = hasNoBody ? Framing.None : head.framing;
    // A server whose app has taken an upgrade, or CONNECT, hears no more requests there, though the app has declined it: Node's
    // hands it all that comes as bytes, which would be other clients' requests.
    this.#keepsAlive = head.keepAlive && framing !== Framing.UntilClose && !this.#isTunnelRequest;
    exchange.endsUnread = !this.#keepsAlive && exchange.body?.isSent === false;

    let added = transport.responseAdded;
    // RFC 9112 section 9.3: an HTTP/1.0 client has to be told that its connection is kept.
    if (isOldClient && exchange.client.keepsAlive && framing !== Framing.Chunked && framing !== Framing.UntilClose) {
      added += 'Connection: keep-alive\r\n';
    }
    const isChunkedAnew = framing === Framing.UntilClose && !isOldClient;
    if (isChunkedAnew) added += 'Transfer-Encoding: chunked\r\n';
    // RFC 9110 section 15.5.22: 426 has to name the protocols, and section 7.8: Connection has to name the field.
    const keepsUpgrade = status === 426;
    if (keepsUpgrade) added += 'Connection: Upgrade\r\n';
    const kept = settings.keepsLoadReports ? WITH_LOAD : PLAIN;
    RESPONSE.write(bytes, from, end, head, added === '' ? kept : { ...kept, keepsUpgrade, added });
    if (RESPONSE.keepAliveSeconds >= 0) this.#limitIdle(RESPONSE.keepAliveSeconds * 1000);
    if (RESPONSE.load !== '' || RESPONSE.loadBinary !== '') transport.onLoad(RESPONSE.load, RESPONSE.loadBinary);

    // What the client's connection reads from the head: its framing, and whether it says that it will be closed.
    head.keepAlive = true;
    if (isChunkedAnew) head.framing = Framing.Chunked;

    this.#framing = framing;
    this.#remaining = framing === Framing.Length ? head.contentLength : 0;
    const isBodyless = framing === Framing.None || (framing === Framing.Length && this.#remaining === 0);
    const isWhole = isBodyless || (framing === Framing.Length && to - end >= this.#remaining);
    if (isWhole && RESPONSE.isInPlace && end + this.#remaining - RESPONSE.start <= COPIED_BYTES) {
      // Nearly every response comes in one piece, of which the client refers to nothing afterwards.
      const bodyEnd = end + this.#remaining;
      this.#state = Upstream.Complete;
      this.#awaitMore();
      if (bodyEnd < to) this.#poison();
      exchange.onReadHead(bytes, RESPONSE.start, end, bodyEnd, true);
      return to;
    }
    this.#state = isBodyless ? Upstream.Complete : Upstream.Body;
    if (isBodyless && end < to) this.#poison();
    this.#awaitMore();
    if (framing === Framing.Chunked) {
      this.#decoder ??= new ChunkedDecoder();
      this.#decoder.reset();
      this.#responseNominated = RESPONSE.nominated;
    }
    const { start, headEnd } = RESPONSE;
    // To a whole response that is larger it may go on referring, and this memory is read into again.
    const isLasting = isBodyless && headEnd - start > COPIED_BYTES;
    const lies = isLasting ? Buffer.from(RESPONSE.bytes.subarray(0, headEnd)) : RESPONSE.bytes;
    exchange.onReadHead(lies, start, headEnd, headEnd, isBodyless);
    return isBodyless || exchange.isFinished ? to : end;
  }

  #takeBody(exchange: Exchange, bytes: Buffer, from: number, to: number): number {
    this.#awaitMore();
    switch (this.#framing) {
      case Framing.Length: {
        const end = Math.min(to, from + this.#remaining);
        this.#remaining -= end - from;
        const isLast = this.#remaining === 0;
        if (isLast && end < to) this.#poison();
        this.#hand(exchange, bytes, from, end);
        if (isLast) this.#complete(exchange, '');
        return isLast ? to : end;
      }
      case Framing.Chunked:
        return this.#takeChunks(exchange, bytes, from, to);
      default:
        this.#hand(exchange, bytes, from, to);
        return to;
    }
  }

  #takeChunks(exchange: Exchange, bytes: Buffer, from: number, to: number): number {
    const decoder = this.#decoder!;
    decoder.at = from;
    for (;;) {
      switch (decoder.next(bytes, to)) {
        case Chunk.NeedsMore:
          return to;
        case Chunk.Data:
          this.#hand(exchange, bytes, decoder.dataStart, decoder.dataEnd);
          if (exchange.isFinished) return to;
          break;
        case Chunk.End:
          if (decoder.at < to) this.#poison();
          if (decoder.trailers !== '') this.#takeTrailerLoad(decoder.trailers);
          this.#complete(exchange, proxiedTrailers(decoder.trailers, this.#responseNominated));
          return to;
        default:
          exchange.fail(Outcome.EndpointBadResponse);
          return to;
      }
    }
  }

  /** A server may know its load only when the body is done. */
  #takeTrailerLoad(trailers: string): void {
    const load = /^endpoint-load-metrics:([^\r]*)/im.exec(trailers)?.[1]?.trim() ?? '';
    const binary = /^endpoint-load-metrics-bin:([^\r]*)/im.exec(trailers)?.[1]?.trim() ?? '';
    if (load !== '' || binary !== '') this.#transport.onLoad(load, binary);
  }

  /** Bytes behind the end of a response: nobody asked for them, and nobody gets them. */
  #poison(): void {
    this.#keepsAlive = false;
  }

  /** The exchange may finish, and this connection be given another, before it returns. */
  #complete(exchange: Exchange, trailers: string): void {
    if (exchange.isFinished) return;
    this.#state = Upstream.Complete;
    this.#awaitMore();
    exchange.onEnd(trailers);
  }

  /** Hands a piece of the response to the client, and stops reading while it has enough. */
  #hand(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0 || exchange.isFinished) return;
    this.#ungranted += length;
    if (length > COPIED_BYTES) {
      this.socket.useOwnBuffer();
      if (UpstreamSocket.isShared(bytes)) {
        // The client may go on referring to it, and others read into this memory.
        exchange.onBody(Buffer.from(bytes.subarray(start, end)), 0, length);
      } else {
        exchange.onBody(bytes, start, end);
      }
    } else {
      exchange.onBody(bytes, start, end);
    }
    if (this.#ungranted >= RESPONSE_WINDOW_BYTES && this.exchange === exchange) this.socket.pause();
  }

  /** It does not take what there is, or does not send what the server waits for: that has nothing to answer for. */
  #isClientsTurn(exchange: Exchange): boolean {
    const isSending = !this.#isSent && exchange.body?.isFull !== true;
    return isSending || this.#ungranted >= RESPONSE_WINDOW_BYTES;
  }

  /** A response has begun, and is perhaps complete. */
  get #hasResponded(): boolean {
    return this.#state === Upstream.Body || this.#state === Upstream.Complete;
  }

  /** Of the response, or, where that is complete, of the server's taking the request. */
  #awaitMore(): void {
    const { silenceTimeoutMs } = this.#transport.settings;
    const isOver = this.#state === Upstream.Complete && this.#isSent;
    this.deadlineMs = silenceTimeoutMs === 0 || isOver ? 0 : this.#transport.clock.nowMs + silenceTimeoutMs;
  }

  /** A second less than the server says: its clock starts before ours, and its FIN takes a while to come. */
  #limitIdle(serverMs: number): void {
    const limitMs = Math.max(serverMs - 1_000, serverMs / 2);
    const { idleTimeoutMs } = this.#transport.settings;
    this.idleLimitMs = idleTimeoutMs === 0 ? limitMs : Math.min(idleTimeoutMs, limitMs);
    if (limitMs === 0) this.#keepsAlive = false;
  }
}
