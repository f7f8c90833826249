/** Which of its writes come next: a chunk is its size, CRLF, its data, and CRLF. */
const Part = { Size: 0, SizeEnd: 1, Data: 2, DataEnd: 3 } as const;
type Part = (typeof Part)[keyof typeof Part];

/** What a write of Node's was. */
export const Unframed = {
  /** Part of the body. */
  Data: 0,
  /** Nothing that the body needs. */
  Framing: 1,
  /** The same, and the data before it is complete. */
  DataEnd: 2,
} as const;
export type Unframed = (typeof Unframed)[keyof typeof Unframed];

/** Takes off the chunked framing (RFC 9112 section 7.1) that Node writes, each part of it in a write of its own. */
export class ChunkedUnframer {
  #part: Part = Part.Size;
  /** Bytes of the chunk still to come. */
  #remaining = 0;
  #trailers = '';

  /** Lines of the trailer section, once the body has ended. */
  get trailers(): string {
    return this.#trailers;
  }

  /** Another body begins. */
  reset(): void {
    this.#part = Part.Size;
    this.#trailers = '';
  }

  take(data: string | Uint8Array, encoding: BufferEncoding | undefined): Unframed {
    switch (this.#part) {
      case Part.Size: {
        const text = String(data);
        if (text.startsWith('0\r\n')) {
          this.#trailers = text.slice(3, -2);
          return Unframed.DataEnd;
        }
        this.#remaining = Number.parseInt(text, 16);
        if (!Number.isNaN(this.#remaining)) this.#part = Part.SizeEnd;
        return Unframed.Framing;
      }
      case Part.SizeEnd:
        this.#part = Part.Data;
        return Unframed.Framing;
      case Part.Data:
        this.#remaining -= typeof data === 'string' ? Buffer.byteLength(data, encoding) : data.length;
        if (this.#remaining <= 0) this.#part = Part.DataEnd;
        return Unframed.Data;
      default:
        this.#part = Part.Size;
        return Unframed.DataEnd;
    }
  }
}
