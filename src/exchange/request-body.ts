import { giveReadMemory } from '../core/read-memory.ts';
import { copyOf, giveCopy } from '../core/slab.ts';
import type { Exchange } from './exchange.ts';

/**
 * Bodies up to this size are kept until the worker has begun the request, so that it can be moved when the worker dies
 * before. A larger one has to be read from the client as it is sent, and cannot be sent twice.
 */
export const KEPT_BODY_BYTES: number = 64 * 1024;

/**
 * The body of a request on its way to an endpoint: what waits for credit or for the kernel, and what is kept for a move.
 * Its memory is bounded by {@link KEPT_BODY_BYTES} and one read of the client's socket, since the client is not read
 * from while something waits.
 */
export class RequestBody {
  /** Pieces not sent yet and, while kept, those sent. */
  #pieces: Buffer[] = [];
  /** Index of the first piece not wholly sent. */
  #next = 0;
  /** Bytes of that piece which were sent. */
  #offset = 0;
  #keptBytes = 0;
  #isKept: boolean;
  /** The last piece lies in memory that was read into, and goes back when it has been sent. */
  #isLastBorrowed = false;
  /** Some of it was handed to a transport since the last {@link rewind}. */
  #hasSent = false;
  /** A transport may still refer to pieces that it was handed: their memory is not used again. */
  #hasLent = false;
  #hasEnded = false;
  #endSent = false;
  #trailers = '';

  /** @param isLarge it will be longer than what is kept */
  constructor(isLarge: boolean) {
    this.#isKept = !isLarge;
  }

  /** The client has sent all of it. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The endpoint has been given all of it, and told that this is all. */
  get isSent(): boolean {
    return this.#endSent;
  }

  /** What is sent of it is kept, as yet. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** All of it so far is still here: the request could be sent again. */
  get isWhole(): boolean {
    return this.#isKept || !this.#hasSent;
  }

  /** Something waits for credit, for the kernel or for an endpoint. */
  get isBacklogged(): boolean {
    return this.#next < this.#pieces.length;
  }

  /** The client is not to be read from until some of it has been sent. What is kept anyway may come as it likes. */
  get isFull(): boolean {
    return !this.#isKept && this.isBacklogged;
  }

  /**
   * A piece.
   *
   * @param mayKeep it lies in memory that the caller can do without ({@link takeReadMemory})
   * @returns false when that memory is not the caller's any more.
   */
  push(exchange: Exchange, view: Buffer, mayKeep: boolean): boolean {
    if (this.#isKept) {
      this.#keptBytes += view.length;
      if (this.#keptBytes > KEPT_BODY_BYTES) this.release();
    }
    if (!this.#isKept && !this.isBacklogged && exchange.isOpened && exchange.credit >= view.length) {
      const transport = exchange.transport!;
      // Where it would be referred to, it has to be memory that the caller can do without.
      if (!transport.isCongested && (mayKeep || view.length <= transport.copiesUpTo)) {
        exchange.credit -= view.length;
        this.#hasSent = true;
        return transport.sendBody(exchange, view);
      }
    }
    this.#isLastBorrowed = mayKeep && !this.#isKept;
    this.#pieces.push(this.#isLastBorrowed ? view : copyOf(view));
    const isBorrowed = this.#isLastBorrowed;
    this.pump(exchange);
    return !isBorrowed;
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
    for (let i = 0; i < this.#next; i++) this.#give(this.#pieces[i]!);
    this.#pieces.splice(0, this.#next);
    this.#next = 0;
  }

  /** Nothing of it will be sent any more. */
  drop(): void {
    for (const piece of this.#pieces) this.#give(piece);
    this.#pieces = [];
    this.#next = 0;
  }

  /** To be sent again from its first byte. Only while it {@link isWhole}. */
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
      if (transport.isCongested) {
        transport.awaitRoom(exchange);
        return;
      }
      const piece = this.#pieces[this.#next]!;
      const isBorrowed = this.#isLastBorrowed && this.#next === this.#pieces.length - 1;
      // It leaves in one go, so that the transport knows when all of its memory is free.
      if (isBorrowed && exchange.credit < piece.length) return;
      const end = Math.min(piece.length, this.#offset + exchange.credit);
      exchange.credit -= end - this.#offset;
      this.#hasSent = true;
      const isWhole = this.#offset === 0 && end === piece.length;
      const isTaken = transport.sendBody(exchange, isWhole ? piece : piece.subarray(this.#offset, end));
      if (!isTaken) this.#hasLent = true;
      if (exchange.isFinished) return;
      if (end < piece.length) {
        this.#offset = end;
        return;
      }
      this.#offset = 0;
      if (this.#isKept) this.#next++;
      else {
        this.#pieces.shift();
        if (!isBorrowed) this.#give(piece);
      }
      if (isBorrowed) {
        this.#isLastBorrowed = false;
        if (isTaken) giveReadMemory(piece);
      }
    }
    if (this.#hasEnded && !this.#endSent && !this.isBacklogged) {
      this.#endSent = true;
      transport.endBody(exchange, this.#trailers);
    }
  }

  /** A piece is needed no more. Borrowed memory that was never sent is left to the garbage collector. */
  #give(piece: Buffer): void {
    if (!this.#hasLent) giveCopy(piece);
  }
}
