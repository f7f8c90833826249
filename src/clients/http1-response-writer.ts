import type { Clock } from '../core/clock.ts';
import { writeBoth, writeBytes, writeText } from '../core/direct-write.ts';
import { COPIED_BYTES, type ExchangeClient, type Transport } from '../exchange/transport.ts';
import { Framing } from '../http1/request-head.ts';
import type { ClientSocket } from './client-socket.ts';
import { type Gatherer, TURN_BUFFER } from './turn-buffer.ts';

/** A response piece up to this size is written as text, which Node copies, so that it never refers to memory read into again. */
export const COPY_LIMIT_BYTES: number = COPIED_BYTES;

/** A client that takes nothing of what is written to it for so long is gone. */
const WRITE_STALL_MS = 120_000;

/** An app that has written some of a body within that time goes on: also one that writes once a second. */
const PAUSE_MS = 1_500;

/** Length of a chunk's size line and of what follows it, at most. */
const CHUNK_FRAMING_BYTES = 12;

/** What becomes of what is written until the end of the endpoint's turn. */
const Turn = {
  /** It leaves at once. */
  None: 0,
  /** It is gathered in {@link TURN_BUFFER}. */
  Gathered: 1,
  /** The stream keeps it. */
  Corked: 2,
} as const;
type Turn = (typeof Turn)[keyof typeof Turn];

/**
 * Writes responses to one client in HTTP/1 framing: all of one turn of the endpoint's in one system call, and counting
 * what the kernel has taken, so that the endpoint is granted as much again.
 */
export class Http1ResponseWriter implements Gatherer {
  /** How the client finds the end of the response being written, RFC 9112 section 6.3. */
  framing: Framing = Framing.None;

  readonly #client: ClientSocket;
  readonly #clock: Clock;
  /** Hears how many bytes of body the kernel has taken since it last did, and whether that was all. */
  readonly #onFlushed: (bytes: number, isAll: boolean) => void;
  /** Body bytes written and not yet taken by the kernel. */
  #unflushed = 0;
  #turn: Turn = Turn.None;
  /** The kernel had not taken all of the earlier turns' bytes when this turn began. */
  #isLagging = false;
  /** Views of memory that will be read into again were written in this turn. */
  #hasLentViews = false;
  /** When some of a body that goes on was last written. */
  #writtenMs = Number.NEGATIVE_INFINITY;
  /** Bytes that the kernel had not taken when it was last looked, and since when there were just as many. */
  #queuedBytes = 0;
  #queuedSinceMs = 0;

  constructor(client: ClientSocket, clock: Clock, onFlushed: (bytes: number, isAll: boolean) => void) {
    this.#client = client;
    this.#clock = clock;
    this.#onFlushed = onFlushed;
  }

  /** Nothing of a body waits for the kernel. */
  get isFlushed(): boolean {
    return this.#unflushed === 0;
  }

  /** A new request: what was written for earlier ones is no longer counted. */
  reset(): void {
    this.framing = Framing.None;
    this.#unflushed = 0;
  }

  /** Bytes that need no framing: heads, whole small responses, errors. */
  text(text: string): void {
    if (this.#turn !== Turn.Gathered || !this.#gatherText(text)) writeText(this.#client.socket, text);
  }

  /**
   * A whole response as it lies there, its head in front of its body of declared length: one system call, and nobody
   * refers to its memory afterwards unless the client lags behind. To be called last in a response.
   */
  whole(
    bytes: Buffer,
    start: number,
    headEnd: number,
    end: number,
    transport: Transport | null,
    owner: ExchangeClient,
  ): void {
    if (transport === null || this.#client.backlog > 0) {
      this.cork(transport, owner);
      this.text(bytes.latin1Slice(start, headEnd));
      this.body(bytes, headEnd, end);
      this.#writtenMs = Number.NEGATIVE_INFINITY;
      return;
    }
    if (writeBytes(this.#client.socket, bytes.subarray(start, end), this.#flushed)) return;
    this.#unflushed += end - headEnd;
    this.#hasLentViews = true;
    transport.touch(owner);
  }

  body(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    const { socket } = this.#client;
    this.#writtenMs = this.#clock.nowMs;
    this.#unflushed += length;
    const isChunked = this.framing === Framing.Chunked;
    if (this.#turn === Turn.Gathered && this.#gatherBody(bytes, start, end, isChunked)) return;
    if (length <= COPY_LIMIT_BYTES) {
      const text = bytes.latin1Slice(start, end);
      socket.write(isChunked ? `${length.toString(16)}\r\n${text}\r\n` : text, 'latin1', this.#flushed);
      return;
    }
    const view = bytes.subarray(start, end);
    if (this.#turn === Turn.Gathered && !isChunked) {
      this.#writeThrough(view);
      return;
    }
    // A client that lags behind would hold on to the memory read into; it gets a copy of its own.
    if (!this.#isLagging) this.#hasLentViews = true;
    if (isChunked) socket.write(`${length.toString(16)}\r\n`, 'latin1');
    socket.write(this.#isLagging ? Buffer.from(view) : view, this.#flushed);
    if (isChunked) socket.write('\r\n', 'latin1');
  }

  end(trailers: string): void {
    this.#writtenMs = Number.NEGATIVE_INFINITY;
    if (this.framing === Framing.Chunked) this.text(`0\r\n${trailers}\r\n`);
    // Nothing more of it is to be granted.
    if (this.#turn === Turn.Gathered) this.#flush(0);
    this.uncork();
  }

  /** Gathers what is written until the transport's turn ends and it asks `owner` to settle. */
  cork(transport: Transport | null, owner: ExchangeClient): void {
    if (this.#turn !== Turn.None || transport === null) return;
    this.#isLagging = this.#client.backlog > 0;
    if (this.#isLagging) this.#corkStream();
    else this.#turn = Turn.Gathered;
    transport.touch(owner);
  }

  uncork(): void {
    const turn = this.#turn;
    this.#turn = Turn.None;
    if (turn === Turn.Gathered) this.flushGathered();
    else if (turn === Turn.Corked) this.#client.socket.uncork();
  }

  // Gatherer.

  flushGathered(): void {
    this.#flush(this.#unflushed);
  }

  /** Ends the turn. True when written views are still referred to. */
  settle(): boolean {
    this.uncork();
    const hasLent = this.#hasLentViews;
    this.#hasLentViews = false;
    return hasLent && this.#client.backlog > 0;
  }

  /** The kernel has not taken all that was written, and has taken some of it within {@link WRITE_STALL_MS}. */
  isDelivering(nowMs: number): boolean {
    const queued = this.#client.queuedBytes;
    if (queued !== this.#queuedBytes) {
      this.#queuedBytes = queued;
      this.#queuedSinceMs = nowMs;
    }
    return queued > 0 && nowMs - this.#queuedSinceMs < WRITE_STALL_MS;
  }

  /** The client is still taking, or the app still writing. */
  isMoving(nowMs: number): boolean {
    return this.isDelivering(nowMs) || nowMs - this.#writtenMs < PAUSE_MS;
  }

  /** @returns false when it is to be written by itself. */
  #gatherText(text: string): boolean {
    TURN_BUFFER.take(this);
    if (TURN_BUFFER.text(text)) return true;
    this.#corkStream();
    return false;
  }

  /** The same. */
  #gatherBody(bytes: Buffer, start: number, end: number, isChunked: boolean): boolean {
    const length = end - start;
    if (length > TURN_BUFFER.maxPiece) {
      if (isChunked) this.#corkStream();
      return false;
    }
    TURN_BUFFER.take(this);
    if (length + CHUNK_FRAMING_BYTES > TURN_BUFFER.room) {
      this.flushGathered();
      TURN_BUFFER.take(this);
    }
    if (isChunked) TURN_BUFFER.text(`${length.toString(16)}\r\n`);
    TURN_BUFFER.bytes(bytes, start, end);
    if (isChunked) TURN_BUFFER.text('\r\n');
    return true;
  }

  /** What is written from now on leaves by the stream, behind what was gathered. */
  #corkStream(): void {
    if (this.#turn === Turn.Gathered) this.flushGathered();
    this.#turn = Turn.Corked;
    this.#client.socket.cork();
  }

  /** A large piece, with what was gathered before it, from where they lie. What the kernel does not take stays lent. */
  #writeThrough(view: Buffer): void {
    const { socket } = this.#client;
    const hasGathered = TURN_BUFFER.isOf(this);
    const isTaken = hasGathered
      ? writeBoth(socket, TURN_BUFFER.view, view, this.#flushed)
      : writeBytes(socket, view, this.#flushed);
    if (hasGathered) TURN_BUFFER.release(!isTaken);
    if (isTaken) {
      const bytes = this.#unflushed;
      this.#unflushed = 0;
      this.#onFlushed(bytes, true);
      return;
    }
    this.#hasLentViews = true;
    this.#isLagging = true;
    this.#corkStream();
  }

  /** @param grantedBytes of body, which the endpoint may be granted again when all that was gathered is taken at once */
  #flush(grantedBytes: number): void {
    if (!TURN_BUFFER.isOf(this)) return;
    const isTaken = writeBytes(this.#client.socket, TURN_BUFFER.view, this.#flushed);
    TURN_BUFFER.release(!isTaken);
    if (!isTaken) return;
    this.#unflushed = 0;
    this.#onFlushed(grantedBytes, true);
  }

  readonly #flushed = (error?: Error | null): void => {
    if (error || this.#unflushed === 0) return;
    const left = Math.min(this.#unflushed, this.#client.backlog);
    const flushed = this.#unflushed - left;
    this.#unflushed = left;
    if (flushed > 0 || left === 0) this.#onFlushed(flushed, left === 0);
  };
}
