import { FRAME_HEADER_BYTES, FrameType, MAX_PAYLOAD_BYTES } from './frames.ts';

/** Who hears of frames. Called in the order in which they arrived; the views hold during the call only. */
export interface FrameHandler {
  /** A whole frame other than Data: its payload is [start, end) of `bytes`. Returns false to end the link. */
  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean;
  /** A piece of a Data payload. `last` is true with its last piece, and then `flags` are the frame's. */
  onData(flags: number, stream: number, bytes: Buffer, start: number, end: number, last: boolean): boolean;
}

/**
 * Takes frames out of bytes that may be split anywhere. Data passes through without a copy, piece by piece; any other
 * frame that is split is put together in a buffer of its own, bounded by {@link MAX_PAYLOAD_BYTES}.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  /** The beginning of a frame whose rest has not come yet. */
  #partial: Buffer | null = null;
  #partialLength = 0;
  /** Bytes still to come of a Data payload; -1 = not within one. */
  #dataRemaining = -1;
  #dataStream = 0;
  #dataFlags = 0;
  #failed = false;
  #isPaused = false;
  /** First byte not handed over. Kept right while a handler runs, which may throw what the app's code throws. */
  #at = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** True once the other side has broken the protocol; nothing more is read. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Where to go on in the same bytes after a handler threw. */
  get position(): number {
    return this.#at;
  }

  /** Nothing more is handed over until {@link resume}; the caller keeps what lies behind {@link position}. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** @returns false when the frames are not of this protocol, or the handler said so. */
  read(bytes: Buffer, from: number, to: number): boolean {
    if (this.#failed) return false;
    let at = from;
    if (this.#partial !== null) {
      at = this.#complete(bytes, at, to);
      if (at < 0) return this.#fail();
    }
    while (at < to && !this.#isPaused) {
      if (this.#dataRemaining >= 0) {
        at = this.#data(bytes, at, to);
        if (at < 0) return this.#fail();
        continue;
      }
      if (to - at < FRAME_HEADER_BYTES) {
        this.#keep(bytes, at, to, FRAME_HEADER_BYTES);
        return true;
      }
      const length = readUint32(bytes, at);
      const type = bytes[at + 8]!;
      if (type === FrameType.Data) {
        this.#dataRemaining = length;
        this.#dataStream = readUint32(bytes, at + 4);
        this.#dataFlags = bytes[at + 9]!;
        at += FRAME_HEADER_BYTES;
        if (length === 0) {
          this.#dataRemaining = -1;
          this.#at = at;
          if (!this.#handler.onData(this.#dataFlags, this.#dataStream, bytes, at, at, true)) return this.#fail();
        }
        continue;
      }
      if (length > MAX_PAYLOAD_BYTES) return this.#fail();
      const start = at + FRAME_HEADER_BYTES;
      if (start + length > to) {
        this.#keep(bytes, at, to, FRAME_HEADER_BYTES + length);
        return true;
      }
      const stream = readUint32(bytes, at + 4);
      const flags = bytes[at + 9]!;
      at = start + length;
      this.#at = at;
      if (!this.#handler.onFrame(type, flags, stream, bytes, start, at)) return this.#fail();
    }
    return true;
  }

  #fail(): false {
    this.#failed = true;
    this.#partial = null;
    return false;
  }

  #data(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#dataRemaining);
    this.#dataRemaining -= end - at;
    const last = this.#dataRemaining === 0;
    if (last) this.#dataRemaining = -1;
    this.#at = end;
    return this.#handler.onData(this.#dataFlags, this.#dataStream, bytes, at, end, last) ? end : -1;
  }

  /** Keeps the beginning of a frame that needs `wanted` bytes to be of use. */
  #keep(bytes: Buffer, from: number, to: number, wanted: number): void {
    const partial = Buffer.allocUnsafe(wanted);
    bytes.copy(partial, 0, from, to);
    this.#partial = partial;
    this.#partialLength = to - from;
  }

  /** Fills the kept beginning up, and handles the frame once it is whole. Where to go on, or -1. */
  #complete(bytes: Buffer, from: number, to: number): number {
    let at = from;
    for (;;) {
      const partial = this.#partial!;
      const take = Math.min(to - at, partial.length - this.#partialLength);
      bytes.copy(partial, this.#partialLength, at, at + take);
      this.#partialLength += take;
      at += take;
      this.#at = at;
      if (this.#partialLength < partial.length) return at;

      const length = readUint32(partial, 0);
      const type = partial[8]!;
      const stream = readUint32(partial, 4);
      const flags = partial[9]!;
      if (type === FrameType.Data) {
        // Only a header is ever kept of Data: its payload passes through from the next bytes on.
        this.#partial = null;
        this.#dataStream = stream;
        this.#dataFlags = flags;
        this.#dataRemaining = length === 0 ? -1 : length;
        if (length === 0 && !this.#handler.onData(flags, stream, partial, partial.length, partial.length, true))
          return -1;
        return at;
      }
      if (length > MAX_PAYLOAD_BYTES) return -1;
      if (partial.length === FRAME_HEADER_BYTES + length) {
        this.#partial = null;
        return this.#handler.onFrame(type, flags, stream, partial, FRAME_HEADER_BYTES, partial.length) ? at : -1;
      }
      // The header was split: now its length is known, make room for the payload.
      const whole = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
      partial.copy(whole, 0, 0, FRAME_HEADER_BYTES);
      this.#partial = whole;
    }
  }
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
