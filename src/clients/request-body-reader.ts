import { Outcome } from '../core/outcome.ts';
import { Chunk, ChunkedDecoder } from '../http1/chunked-decoder.ts';
import { Framing } from '../http1/request-head.ts';

/** Who is given a body. */
export interface BodySink {
  /** A piece, which holds until the call returns. @returns false when it takes no more for now. */
  bodyPiece(view: Buffer): boolean;
  bodyComplete(trailers: string): void;
  bodyRefused(outcome: Outcome): void;
}

/** Takes the framing off the bodies of one connection's requests, RFC 9112 section 6.3. */
export class RequestBodyReader {
  #framing: Framing = Framing.None;
  #remaining = 0;
  #decoder: ChunkedDecoder | null = null;

  /** The head of another request has been read. */
  begin(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#remaining = contentLength;
    if (framing !== Framing.Chunked) return;
    this.#decoder ??= new ChunkedDecoder();
    this.#decoder.reset();
  }

  /** Hands on what [from, to) holds of the body. Where it stopped: before `to` at its end, and when the sink is full. */
  read(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    if (this.#framing === Framing.Chunked) return this.#readChunks(this.#decoder!, bytes, from, to, sink);
    const end = Math.min(to, from + this.#remaining);
    this.#remaining -= end - from;
    sink.bodyPiece(bytes.subarray(from, end));
    if (this.#remaining === 0) sink.bodyComplete('');
    return end;
  }

  #readChunks(decoder: ChunkedDecoder, bytes: Buffer, from: number, to: number, sink: BodySink): number {
    decoder.at = from;
    for (;;) {
      const found = decoder.next(bytes, to);
      switch (found) {
        case Chunk.NeedsMore:
          return to;
        case Chunk.Data:
          if (!sink.bodyPiece(bytes.subarray(decoder.dataStart, decoder.dataEnd))) return decoder.at;
          break;
        case Chunk.End:
          sink.bodyComplete(decoder.trailers);
          return decoder.at;
        default:
          sink.bodyRefused(found === Chunk.Bad ? Outcome.ClientBadBody : Outcome.ClientBodyTooLarge);
          return to;
      }
    }
  }
}
