/** A line that a worker wrote. */
export interface LogLine {
  readonly app: string;
  readonly slot: number;
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
  /** When it was read. ISO 8601. */
  readonly time: string;
  readonly text: string;
}

/** Whose output it is. */
export interface LogSource {
  readonly app: string;
  readonly slot: number;
  readonly pid: number;
  readonly stream: 'stdout' | 'stderr';
}

interface Piece {
  readonly source: LogSource;
  /** Which of all it is. By their times they would be out of order once the clock was set back. */
  readonly number: number;
  readonly atMs: number;
  /** Whole lines. */
  readonly bytes: Buffer;
}

/** What is kept of each worker's place, in bytes of what it wrote. */
const KEPT_BYTES = 256 * 1024;
/** A longer line is cut when it is shown. */
const MAX_LINE_LENGTH = 16 * 1024;

/**
 * The last output of every worker's place. Bytes are kept as they came and taken apart when somebody asks, so that an app
 * that writes a lot costs little here.
 */
export class LogBook {
  readonly #pages = new Map<string, { readonly pieces: Piece[]; bytes: number }>();
  readonly #followers = new Set<(piece: Piece) => void>();
  #written = 0;

  /** @param bytes whole lines; referred to from now on */
  write(source: LogSource, bytes: Buffer): void {
    const piece = { source, number: this.#written++, atMs: Date.now(), bytes };
    const key = `${source.app}\n${source.slot}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = { pieces: [], bytes: 0 };
      this.#pages.set(key, page);
    }
    page.pieces.push(piece);
    page.bytes += bytes.length;
    while (page.bytes > KEPT_BYTES && page.pieces.length > 1) page.bytes -= page.pieces.shift()!.bytes.length;
    for (const follower of this.#followers) follower(piece);
  }

  /** Lines of one place, or of all, oldest first. */
  lines(place: { readonly app: string; readonly slot: number } | null): LogLine[] {
    const pages = place === null ? [...this.#pages.values()] : [this.#pages.get(`${place.app}\n${place.slot}`)];
    const pieces = pages.flatMap((page) => page?.pieces ?? []);
    return pieces.sort((a, b) => a.number - b.number).flatMap(linesOf);
  }

  /** Calls the listener with every line; the answer takes it off again. */
  follow(place: { readonly app: string; readonly slot: number } | null, listener: (line: LogLine) => void): () => void {
    const follower = (piece: Piece): void => {
      const { app, slot } = piece.source;
      if (place === null || (place.app === app && place.slot === slot)) linesOf(piece).forEach(listener);
    };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

function linesOf({ source, atMs, bytes }: Piece): LogLine[] {
  const time = new Date(atMs).toISOString();
  const { app, slot, pid, stream } = source;
  const lines = bytes.toString().replace(/\n$/, '').split('\n');
  return lines.map((text) => ({ app, slot, pid, stream, time, text: text.slice(0, MAX_LINE_LENGTH) }));
}
