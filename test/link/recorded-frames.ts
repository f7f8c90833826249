import type { FrameHandler, FrameReader } from '../../src/link/frame-reader.ts';
import type { FrameSink } from '../../src/link/frame-writer.ts';
import { FrameType } from '../../src/link/frames.ts';

/** A frame as it arrived, its payload in latin1; pieces of Data put together. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: string;
}

/** Keeps what it hears of. */
export class FrameRecorder implements FrameHandler {
  readonly frames: Frame[] = [];
  /** Called before a frame or piece is kept; false ends the link. */
  onEvent: () => boolean = () => true;
  #data = '';

  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean {
    this.frames.push({ type, flags, stream, payload: bytes.toString('latin1', start, end) });
    return this.onEvent();
  }

  onData(flags: number, stream: number, bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#data += bytes.toString('latin1', start, end);
    if (last) {
      this.frames.push({ type: FrameType.Data, flags, stream, payload: this.#data });
      this.#data = '';
    }
    return this.onEvent();
  }
}

/** Keeps copies of what it was given. */
export class BatchRecorder implements FrameSink {
  readonly batches: Buffer[] = [];
  /** The memory that was lent: it may not change until it is given back, which here it never is. */
  readonly lent: Buffer[] = [];
  wakes = 0;
  /** Whether bytes are taken for good; if not, they are lent. */
  takes = true;
  isCongested = false;

  get bytes(): Buffer {
    return Buffer.concat(this.batches);
  }

  send(bytes: Buffer): boolean {
    this.batches.push(Buffer.from(bytes));
    if (!this.takes) this.lent.push(bytes);
    return this.takes;
  }

  sendBoth(first: Buffer, second: Buffer): boolean {
    this.batches.push(Buffer.concat([first, second]));
    if (!this.takes) this.lent.push(first, second);
    return this.takes;
  }

  wake(): void {
    this.wakes++;
  }
}

/** Reads pieces, each from memory that is overwritten afterwards. False once the reader has failed. */
export function readPieces(reader: FrameReader, pieces: readonly Buffer[]): boolean {
  return pieces.every((piece) => {
    const bytes = Buffer.alloc(piece.length + 6, 0xee);
    piece.copy(bytes, 3);
    const isGood = reader.read(bytes, 3, 3 + piece.length);
    bytes.fill(0xdd);
    return isGood;
  });
}
