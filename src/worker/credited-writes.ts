import { AsyncResource } from 'node:async_hooks';
import { setImmediate } from '../core/timers.ts';
import { FrameFlag, FrameType, MAX_DATA_BYTES } from '../link/frames.ts';
import { cancelError } from './cancel-error.ts';
import type { LinkClient } from './link-client.ts';
import type { UnsentPieces } from './unsent-pieces.ts';
import type { WebSocketFrames } from './web-socket-frames.ts';

export type WriteCallback = (error?: Error | null) => void;

/** Whose writes they are. */
export interface CreditedStream {
  /** 0 = none. */
  readonly stream: number;
  /** All of a write has left. */
  onWritten(): void;
  /** Our close frame of a WebSocket has gone out. */
  onCloseFrameSent(): void;
}

/** What an app has written on one stream of the link and finds no credit at once, or no room in the kernel. */
export class CreditedWrites {
  /** Bytes that the balancer will take now. */
  credit = 0;
  /** Of a tunnel that may be a WebSocket: what the app sends on it; null = it is none. */
  frames: WebSocketFrames | null = null;
  readonly #link: LinkClient;
  readonly #owner: CreditedStream;
  /** Of the write that waits. */
  #waiting: UnsentPieces | null = null;
  #callback: WriteCallback | null = null;

  constructor(link: LinkClient, owner: CreditedStream) {
    this.#link = link;
    this.#owner = owner;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#waiting?.length ?? 0;
  }

  /** One at a time. @param callback the memory is the app's again */
  write(pieces: UnsentPieces, callback: WriteCallback): void {
    this.#waiting = pieces;
    // As with a kernel's socket: what is taken at once is over when the call returns. Node would keep back what else this
    // turn writes, and throw it away with a socket that is destroyed in the same turn.
    if (this.#send(pieces) && this.#link.wire.isFlushed) {
      this.#waiting = null;
      callback();
      this.#owner.onWritten();
      return;
    }
    this.#callback = inThisContext(callback);
    this.sendOn();
  }

  /** Sends what waits as far as the credit goes. */
  sendOn(): void {
    const waiting = this.#waiting;
    const callback = this.#callback;
    if (waiting === null || callback === null) return;
    const { wire } = this.#link;
    if (!this.#send(waiting)) {
      if (wire.isCongested) wire.onDrain(() => this.sendOn());
      return;
    }
    this.#waiting = null;
    this.#callback = null;
    // The memory is the app's again only when the kernel has it.
    wire.afterFlush(() => {
      callback();
      this.#owner.onWritten();
    });
  }

  /**
   * What a kernel's socket has taken still leaves when it is destroyed. So does what has credit here, though others' bytes
   * are before it on the link.
   *
   * @param held by the stream, behind what waits here
   */
  sendLast(held: UnsentPieces): void {
    for (const waiting of [this.#waiting, held]) {
      if (this.frames?.isClosed) return;
      while (waiting !== null && waiting.length > 0 && this.credit > 0) {
        // The app may use its memory again now.
        this.#sendPiece(Buffer.from(this.#takeCredited(waiting)));
      }
    }
  }

  /** Nothing of it will be sent any more. */
  forget(): void {
    this.#waiting = null;
  }

  /** The socket is destroyed: what waited is called back as with a kernel's socket, before 'close'. */
  cancel(): void {
    const callback = this.#callback;
    this.#callback = null;
    if (callback !== null) setImmediate(() => callback(cancelError()));
  }

  /** @returns whether all of it has been sent, or never will be */
  #send(waiting: UnsentPieces): boolean {
    if (this.frames?.isClosed) waiting.clear();
    while (waiting.length > 0 && this.credit > 0 && !this.#link.wire.isCongested) {
      this.#sendPiece(this.#takeCredited(waiting));
    }
    return waiting.length === 0;
  }

  #takeCredited(waiting: UnsentPieces): Buffer {
    const piece = waiting.take(Math.min(this.credit, MAX_DATA_BYTES));
    this.credit -= piece.length;
    return piece;
  }

  #sendPiece(piece: Buffer): void {
    const { frames } = this;
    if (frames !== null) {
      if (frames.isClosed) return;
      piece = frames.pass(piece);
      if (frames.isClosed) this.#owner.onCloseFrameSent();
    }
    this.#link.writer.bytes(FrameType.Data, FrameFlag.None, this.#owner.stream, piece);
  }
}

/** As `AsyncResource.bind`, without what it adds to the function, which costs more than all the rest. */
export function inThisContext(callback: WriteCallback): WriteCallback {
  const context = new AsyncResource('WRITEWRAP');
  return (error) => context.runInAsyncScope(callback, undefined, error);
}
