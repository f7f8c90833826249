import { Byte, FIELD_VALUE, HEX, TOKEN } from './characters.ts';
import { belongInTrailers, MAX_TRAILER_BYTES, MAX_TRAILERS } from './trailers.ts';

/** 2^48 - 1 is the most that twelve hex digits hold, and stays exact in a double. */
const MAX_SIZE_DIGITS = 12;

/** Extensions carry nothing for us and are dropped; a client that sends more of them than this is up to no good. */
export const MAX_EXTENSION_BYTES: number = 16 * 1024;

const State = {
  SizeStart: 0,
  Size: 1,
  SizeBlank: 2,
  Extension: 3,
  SizeLf: 4,
  Data: 5,
  DataCr: 6,
  DataLf: 7,
  TrailerLineStart: 8,
  TrailerName: 9,
  TrailerValue: 10,
  TrailerLf: 11,
  EndLf: 12,
  Done: 13,
} as const;
type State = (typeof State)[keyof typeof State];

/** What {@link ChunkedDecoder.next} found. */
export const Chunk = {
  /** All bytes are used up; give it more. */
  NeedsMore: 0,
  /** [dataStart, dataEnd) is a piece of the body. */
  Data: 1,
  /** The body is complete; `at` is the first byte after it, `trailers` its trailer lines. */
  End: 2,
  /** RFC 9112 section 7.1 is broken. */
  Bad: 3,
  /** Extensions or trailers are over their bound. */
  TooLarge: 4,
} as const;
export type Chunk = (typeof Chunk)[keyof typeof Chunk];

/** Chunked transfer coding, RFC 9112 section 7.1, over input that may be split anywhere. Never copies body bytes. */
export class ChunkedDecoder {
  /** Next byte to look at. Set it before the first call on a new buffer. */
  at = 0;
  dataStart = 0;
  dataEnd = 0;
  /** Trailer lines with their CRLFs, as received; '' when there are none. */
  trailers = '';

  #state: State = State.SizeStart;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailerLines = 0;

  reset(): void {
    this.trailers = '';
    this.#state = State.SizeStart;
    this.#remaining = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailerBytes = 0;
    this.#trailerLines = 0;
  }

  /** Looks at [at, to) of `bytes` up to the next thing worth telling, and moves `at` past it. */
  next(bytes: Buffer, to: number): Chunk {
    while (this.at < to) {
      const byte = bytes[this.at]!;
      switch (this.#state) {
        case State.SizeStart:
          if (HEX[byte] === 255) return Chunk.Bad;
          this.#remaining = 0;
          this.#digits = 0;
          this.#state = State.Size;
          break;
        case State.Size:
          if (HEX[byte] !== 255) {
            if (++this.#digits > MAX_SIZE_DIGITS) return Chunk.Bad;
            this.#remaining = this.#remaining * 16 + HEX[byte]!;
          } else if (byte === Byte.Cr) {
            this.#state = State.SizeLf;
          } else if (byte === Byte.Semicolon) {
            this.#state = State.Extension;
          } else if (byte === Byte.Space || byte === Byte.Tab) {
            this.#state = State.SizeBlank;
          } else {
            return Chunk.Bad;
          }
          this.at++;
          break;
        case State.SizeBlank:
          // RFC 9112 section 7.1.1: blanks only before an extension. Read as a part of the size, or as its end, they
          // are how two parsers come to different sizes.
          if (byte === Byte.Semicolon) this.#state = State.Extension;
          else if (byte !== Byte.Space && byte !== Byte.Tab) return Chunk.Bad;
          else if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return Chunk.TooLarge;
          this.at++;
          break;
        case State.Extension:
          if (byte === Byte.Cr) this.#state = State.SizeLf;
          else if (FIELD_VALUE[byte] !== 1) return Chunk.Bad;
          // Counted over the whole body: many small extensions cost as much as one large one.
          else if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return Chunk.TooLarge;
          this.at++;
          break;
        case State.SizeLf:
          if (byte !== Byte.Lf) return Chunk.Bad;
          this.at++;
          this.#state = this.#remaining === 0 ? State.TrailerLineStart : State.Data;
          break;
        case State.Data: {
          this.dataStart = this.at;
          this.dataEnd = Math.min(to, this.at + this.#remaining);
          this.#remaining -= this.dataEnd - this.dataStart;
          this.at = this.dataEnd;
          if (this.#remaining === 0) this.#state = State.DataCr;
          return Chunk.Data;
        }
        case State.DataCr:
          if (byte !== Byte.Cr) return Chunk.Bad;
          this.at++;
          this.#state = State.DataLf;
          break;
        case State.DataLf:
          if (byte !== Byte.Lf) return Chunk.Bad;
          this.at++;
          this.#state = State.SizeStart;
          break;
        case State.EndLf:
          if (byte !== Byte.Lf) return Chunk.Bad;
          if (this.trailers !== '' && !belongInTrailers(this.trailers)) return Chunk.Bad;
          this.at++;
          this.#state = State.Done;
          return Chunk.End;
        case State.Done:
          return Chunk.End;
        default: {
          const refused = this.#trailerByte(byte);
          if (refused !== Chunk.NeedsMore) return refused;
        }
      }
    }
    return Chunk.NeedsMore;
  }

  #trailerByte(byte: number): Chunk {
    switch (this.#state) {
      case State.TrailerLineStart:
        if (byte === Byte.Cr) {
          this.at++;
          this.#state = State.EndLf;
          return Chunk.NeedsMore;
        }
        if (TOKEN[byte] !== 1) return Chunk.Bad;
        if (++this.#trailerLines > MAX_TRAILERS) return Chunk.TooLarge;
        this.#state = State.TrailerName;
        break;
      case State.TrailerName:
        if (byte === Byte.Colon) this.#state = State.TrailerValue;
        else if (TOKEN[byte] !== 1) return Chunk.Bad;
        break;
      case State.TrailerValue:
        if (byte === Byte.Cr) this.#state = State.TrailerLf;
        else if (FIELD_VALUE[byte] !== 1) return Chunk.Bad;
        break;
      case State.TrailerLf:
        if (byte !== Byte.Lf) return Chunk.Bad;
        this.#state = State.TrailerLineStart;
        break;
    }
    if (++this.#trailerBytes > MAX_TRAILER_BYTES) return Chunk.TooLarge;
    this.trailers += String.fromCharCode(byte);
    this.at++;
    return Chunk.NeedsMore;
  }
}
