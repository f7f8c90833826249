import { Chunk, ChunkedDecoder } from '../../src/http1/chunked-decoder.ts';

/** What became of a chunked body. */
export interface Decoded {
  readonly verdict: Chunk;
  readonly body: string;
  readonly trailers: string;
  /** Bytes up to and with the last that was looked at with profit. */
  readonly used: number;
}

/** Decodes pieces, each of which lies among bytes that must not be looked at, until the end or a refusal. */
export function decode(pieces: readonly string[], decoder: ChunkedDecoder = new ChunkedDecoder()): Decoded {
  let body = '';
  let used = 0;
  for (const piece of pieces) {
    const bytes = Buffer.from(`0${piece}0\r\n`, 'latin1');
    const to = 1 + piece.length;
    decoder.at = 1;
    for (;;) {
      const verdict = decoder.next(bytes, to);
      if (verdict === Chunk.NeedsMore) break;
      if (verdict === Chunk.Data) {
        body += bytes.toString('latin1', decoder.dataStart, decoder.dataEnd);
      } else {
        return { verdict, body, trailers: decoder.trailers, used: used + decoder.at - 1 };
      }
    }
    used += piece.length;
  }
  return { verdict: Chunk.NeedsMore, body, trailers: decoder.trailers, used };
}

/** The text, cut at these places. */
export function cut(text: string, places: readonly number[]): string[] {
  const sorted = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return sorted.slice(1).map((place, i) => text.slice(sorted[i], place));
}
