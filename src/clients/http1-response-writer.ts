import { writeBytes, writeText } from '../core/direct-write.ts';
import { COPIED_BYTES, type ExchangeClient, type Transport } from '../exchange/transport.ts';
import { Framing } from '../http1/request-head.ts';
import type { ClientSocket } from './client-socket.ts';

/** A response piece up to this size is written as text, which Node copies, so that it never refers to memory read into again. */
export const COPY_LIMIT_BYTES: number = COPIED_BYTES;

/** A client that takes nothing of what is written to it for so long is gone. */
const WRITE_STALL_MS = 120_000;

/**
 * Writes responses to one client in HTTP/1 framing: all of one turn of the endpoint's in one system call, and counting
 * what the kernel has taken, so that the endpoint is granted as much again.
 */
export class Http1ResponseWriter {
  /** How the client finds the end of the response being written, RFC 9112 section 6.3. */
  framing: Framing = Framing.None;

  readonly #client: ClientSocket;
  /** Hears how many bytes of body the kernel has taken since it last did, and whether that was all. */
  readonly #onFlushed: (bytes: number, isAll: boolean) => void;
  /** Body bytes written and not yet taken by the kernel. */
  #unflushed = 0;
  /** Corked until the end of the endpoint's turn. */
  #isCorked = false;
  /** The kernel had not taken all of the earlier turns' bytes when this turn began. */
  #isLagging = false;
  /** Views of memory that will be read into again were written in this turn. */
  #hasLentViews = false;
  /** Some of a body was written since {@link isMoving} was last asked. */
  #hasWritten = false;
  /** Bytes that the kernel had not taken when it was last looked, and since when there were just as many. */
  #queuedBytes = 0;
  #queuedSinceMs = 0;

  constructor(client: ClientSocket, onFlushed: (bytes: number, isAll: boolean) => void) {
    this.#client = client;
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
    writeText(this.#client.socket, text);
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
    this.#hasWritten = true;
    if (transport === null || this.#client.backlog > 0) {
      this.cork(transport, owner);
      this.text(bytes.latin1Slice(start, headEnd));
      this.body(bytes, headEnd, end);
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
    this.#hasWritten = true;
    this.#unflushed += length;
    const isChunked = this.framing === Framing.Chunked;
    if (length <= COPY_LIMIT_BYTES) {
      const text = bytes.latin1Slice(start, end);
      socket.write(isChunked ? `${length.toString(16)}\r\n${text}\r\n` : text, 'latin1', this.#flushed);
      return;
    }
    // A client that lags behind would hold on to the memory read into; it gets a copy of its own.
    const view = bytes.subarray(start, end);
    if (!this.#isLagging) this.#hasLentViews = true;
    if (isChunked) socket.write(`${length.toString(16)}\r\n`, 'latin1');
    socket.write(this.#isLagging ? Buffer.from(view) : view, this.#flushed);
    if (isChunked) socket.write('\r\n', 'latin1');
  }

  end(trailers: string): void {
    if (this.framing === Framing.Chunked) this.text(`0\r\n${trailers}\r\n`);
    this.uncork();
  }

  /** Gathers what is written until the transport's turn ends and it asks `owner` to settle. */
  cork(transport: Transport | null, owner: ExchangeClient): void {
    if (this.#isCorked || transport === null) return;
    this.#isCorked = true;
    this.#isLagging = this.#client.backlog > 0;
    this.#client.socket.cork();
    transport.touch(owner);
  }

  uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#client.socket.uncork();
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
    const hasWritten = this.#hasWritten;
    this.#hasWritten = false;
    return this.isDelivering(nowMs) || hasWritten;
  }

  readonly #flushed = (error?: Error | null): void => {
    if (error || this.#unflushed === 0) return;
    const left = Math.min(this.#unflushed, this.#client.backlog);
    const flushed = this.#unflushed - left;
    this.#unflushed = left;
    if (flushed > 0 || left === 0) this.#onFlushed(flushed, left === 0);
  };
}
