import { copyOf } from '../core/slab.ts';
import type { Exchange } from './exchange.ts';

/**
 * Bodies up to this size are kept until the worker has begun the request, so that it can be moved when the worker dies
 * before. A larger one has to be read from the client as it is sent, and cannot be sent twice.
 */
export const KEPT_BODY_BYTES: number = 64 * 1024;

/**
 * The body of a request on its way to an endpoint: what waits for credit, and what is kept for a move. Its memory is
 * bounded by {@link KEPT_BODY_BYTES} and one read of the client's socket, since the client is not read from while
 * something waits.
 */
export class RequestBody {
  /** Pieces not sent yet and, while kept, those sent. */
  #pieces: Buffer[] = [];
  /** Index of the first piece not wholly sent. */
  #next = 0;
  /** Bytes of that piece which were sent. */
  #offset = 0;
  #keptBytes = 0;
  #isKept = true;
  /** Some of it was handed to a transport since the last {@link rewind}. */
  #hasSent = false;
  #hasEnded = false;
  #endSent = false;
  #trailers = '';

  /** The client has sent all of it. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** All of it so far is still here: the request could be sent again. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Nothing of it has been sent, so that it is all still here. */
  get isUnsent(): boolean {
    return !this.#hasSent;
  }

  /** Something waits for credit or for an endpoint. */
  get isBacklogged(): boolean {
    return this.#next < this.#pieces.length;
  }

  /** @returns false when the memory of `view` is still referred to. */
  push(exchange: Exchange, view: Buffer): boolean {
    if (this.#isKept) {
      this.#keptBytes += view.length;
      if (this.#keptBytes > KEPT_BODY_BYTES) this.release();
    }
    if (!this.#isKept && !this.isBacklogged && exchange.isOpened && exchange.credit >= view.length) {
      exchange.credit -= view.length;
      this.#hasSent = true;
      return exchange.transport!.sendBody(exchange, view);
    }
    this.#pieces.push(copyOf(view));
    this.pump(exchange);
    return true;
  }

  end(exchange: Exchange, trailers: string): void {
    this.#hasEnded = true;
    this.#trailers = trailers;
    this.pump(exchange);
  }

  /** The worker has begun, or has answered: the request will not be sent again. */
  release(): void {
    if (!this.#isKept) return;
    this.#isKept = false;
    this.#pieces.splice(0, this.#next);
    this.#next = 0;
  }

  /** To be sent again from its first byte. Only while it is kept or unsent. */
  rewind(): void {
    this.#hasSent = false;
    this.#next = 0;
    this.#offset = 0;
    this.#endSent = false;
  }

  /** Sends what the credit allows. */
  pump(exchange: Exchange): void {
    if (!exchange.isOpened) return;
    const transport = exchange.transport!;
    while (this.#next < this.#pieces.length && exchange.credit > 0) {
      const piece = this.#pieces[this.#next]!;
      const end = Math.min(piece.length, this.#offset + exchange.credit);
      exchange.credit -= end - this.#offset;
      this.#hasSent = true;
      const isWhole = this.#offset === 0 && end === piece.length;
      transport.sendBody(exchange, isWhole ? piece : piece.subarray(this.#offset, end));
      if (end < piece.length) {
        this.#offset = end;
        return;
      }
      this.#offset = 0;
      if (this.#isKept) this.#next++;
      else this.#pieces.shift();
    }
    if (this.#hasEnded && !this.#endSent && !this.isBacklogged) {
      this.#endSent = true;
      transport.endBody(exchange, this.#trailers);
    }
  }
}
