import { Exchange, ExchangeState } from '../exchange/exchange.ts';
import type { ExchangeClient } from '../exchange/transport.ts';
import { UNKNOWN_METHOD } from '../http1/methods.ts';
import { Framing } from '../http1/request-head.ts';
import type { Peer } from '../link/frames.ts';
import type { ClientConnection, ClientContext } from './client-context.ts';
import { ClientSocket } from './client-socket.ts';
import { Http1ResponseWriter } from './http1-response-writer.ts';

/** Bytes read of a client that no worker has taken yet. It is not read from beyond them. */
const READ_AHEAD_BYTES = 64 * 1024;

/** The link may refer to pieces of this size after they were handed to it; smaller ones it copies. */
const LENT_BYTES = 16 * 1024;

/** After the end of the tunnel: longest silence of a client that takes nothing of what is still to be written. */
const LINGER_MS = 2_000;

/** On shutdown a connection that no worker has taken yet gets so long to find one. */
const TAKE_GRACE_MS = 250;

/**
 * One client connection of a server that is not HTTP's (`net`, `tls`, `https`, `http2` in the app). The whole of it is
 * one exchange: a worker is picked for it once, and its bytes are carried both ways. Nothing is sent before a worker has
 * taken it, so until then it can be given to another.
 */
export class RawConnection implements ClientConnection, ExchangeClient {
  readonly id: number;
  readonly client: ClientSocket;
  readonly keepsAlive = false;
  readonly isSecure = false;
  deadlineMs = 0;
  /** It is the app's to know. */
  readonly isIdle = false;
  readonly idleSinceMs = 0;
  /** How it ended is told as the end of its stream. */
  readonly end = 'closed';

  readonly #context: ClientContext;
  readonly #writer: Http1ResponseWriter;
  /** null where nobody listens any more. */
  readonly #exchange: Exchange | null;
  /** What the client sent before a worker took the connection. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isTaken = false;
  #clientEnded = false;
  #isOver = false;
  #isClosed = false;

  constructor(handle: object, context: ClientContext) {
    this.#context = context;
    this.id = context.clients.nextId();
    this.client = new ClientSocket(handle, this);
    const { clock } = context.clients;
    this.#writer = new Http1ResponseWriter(this.client, clock, (bytes) => this.#exchange?.responseFlushed(bytes));
    this.#writer.framing = Framing.UntilClose;
    context.clients.add(this);
    context.counters.connectionOpened();
    const nowMs = clock.tick();
    const dispatcher = context.router.first;
    if (dispatcher === null) {
      this.#exchange = null;
      this.client.socket.destroy();
      return;
    }
    this.#exchange = new Exchange(
      this,
      dispatcher,
      {
        connectionId: this.id,
        method: UNKNOWN_METHOD,
        minorVersion: 1,
        lines: '',
        targetOffset: 0,
        targetLength: 0,
        hasBody: true,
        wantsUpgrade: true,
        keepAlive: false,
        refusal: null,
        isConnection: true,
      },
      nowMs,
    );
    dispatcher.admit(this.#exchange, nowMs);
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

  // From the socket.

  onRead(bytes: Buffer, length: number): void {
    this.#context.clients.clock.tick();
    if (this.#isOver) return;
    const view = bytes.subarray(0, length);
    if (this.#isTaken) {
      this.#push(length < LENT_BYTES ? view : Buffer.from(view));
      return;
    }
    this.#pending.push(Buffer.from(view));
    this.#pendingBytes += length;
    if (this.#pendingBytes >= READ_AHEAD_BYTES) this.client.pause();
  }

  onEnd(): void {
    this.#clientEnded = true;
    if (this.#isTaken) this.#exchange?.endBody('');
  }

  onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOver = true;
    this.deadlineMs = 0;
    this.#pending = [];
    this.#context.counters.connectionClosed();
    this.#exchange?.clientLeft(this.client.hasFailed ? 'reset' : 'closed');
    this.#context.clients.remove(this);
  }

  // From housekeeping.

  onDeadline(): void {
    this.deadlineMs = 0;
    if (!this.#isOver && this.#isTaken) return;
    if (this.#isOver && this.#writer.isMoving(this.#context.clients.clock.nowMs)) this.#await(LINGER_MS);
    else this.destroy();
  }

  drain(): void {
    if (this.#isOver || this.#isTaken) return;
    // Of a listener that has closed nobody is left who could take it.
    if (!this.#context.clients.isDraining && this.#exchange?.state === ExchangeState.Waiting) this.destroy();
    else this.#await(TAKE_GRACE_MS);
  }

  destroy(): void {
    this.client.socket.destroy();
    this.onClose();
  }

  /** Workers say this of connections that serve one request after the other. */
  closeAfterResponse(): void {}

  probe(isOn: boolean, afterSeconds: number): void {
    this.client.socket.setKeepAlive(isOn, afterSeconds * 1000);
  }

  // From the exchange.

  openTunnel(): void {
    this.#isTaken = true;
    const pending = this.#pending;
    this.#pending = [];
    this.client.resume();
    for (const piece of pending) this.#push(piece);
    if (this.#clientEnded) this.#exchange?.endBody('');
  }

  respondBody(bytes: Buffer, start: number, end: number): void {
    this.#writer.cork(this.#exchange?.transport ?? null, this);
    this.#writer.body(bytes, start, end);
  }

  /** The app has ended its side. */
  respondEnd(_trailers: string): void {
    this.#writer.uncork();
    this.client.socket.end();
  }

  resumeBody(): void {
    this.client.resume();
  }

  cut(_outcome: number, isReset: boolean = false): void {
    this.#isOver = true;
    this.#writer.uncork();
    if (isReset) this.client.reset();
    else this.client.socket.destroySoon();
    this.#await(LINGER_MS);
  }

  /** No worker could have it. There are no words for that in a protocol that is not known. */
  respondError(_outcome: number): void {
    this.#isOver = true;
    this.client.socket.destroy();
  }

  settle(): boolean {
    return this.#writer.settle();
  }

  exchangeDone(): void {
    if (this.#isOver) return;
    // Both sides have ended: the socket closes by itself when what was written is out.
    this.#isOver = true;
    this.client.resume();
    this.client.socket.destroySoon();
    this.#await(LINGER_MS);
  }

  // A connection has no head. A worker that sends one for it all the same loses it.

  respondInterim(): void {
    this.#await(1);
    this.#isOver = true;
  }

  respond(): void {
    this.respondInterim();
  }

  declineTunnel(): void {
    this.respondInterim();
  }

  #push(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null || exchange.isFinished) return;
    exchange.pushBody(bytes, false);
    if (!exchange.isFinished && exchange.body!.isFull) this.client.pause();
  }

  #await(afterMs: number): void {
    this.deadlineMs = this.#context.clients.clock.nowMs + afterMs;
  }
}
