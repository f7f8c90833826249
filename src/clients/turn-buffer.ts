/** What a turn's responses to one client are gathered in; larger ones are written from where they lie. */
const BYTES = 64 * 1024;

/** Who gathers. */
export interface Gatherer {
  /** Writes out what it has gathered, and is done with the memory. */
  flushGathered(): void;
}

/**
 * Memory in which what one turn brings for one client (a head, pieces of a body and their framing) is laid one after the
 * other, to leave in one system call. One for the thread: the frames of a response lie side by side, so that clients
 * seldom take it from each other. Copying 10 KiB costs 0.5 µs; a vectored write through the stream 6 µs more than a plain
 * one past it.
 */
class TurnBuffer {
  /** Pieces larger than this are not copied. */
  readonly maxPiece: number = 24 * 1024;
  #memory = Buffer.allocUnsafeSlow(BYTES);
  #owner: Gatherer | null = null;
  #length = 0;

  /** Bytes that can still be laid down. */
  get room(): number {
    return BYTES - this.#length;
  }

  /** Whether this client has the memory. */
  isOf(owner: Gatherer): boolean {
    return this.#owner === owner;
  }

  /** Takes the memory for this client; who had it writes first. */
  take(owner: Gatherer): void {
    if (this.#owner === owner) return;
    this.#owner?.flushGathered();
    this.#owner = owner;
    this.#length = 0;
  }

  /** @returns false when there is no room. */
  text(text: string): boolean {
    if (text.length > this.room) return false;
    this.#length += this.#memory.latin1Write(text, this.#length);
    return true;
  }

  /** There is to be room. */
  bytes(bytes: Buffer, start: number, end: number): void {
    bytes.copy(this.#memory, this.#length, start, end);
    this.#length += end - start;
  }

  /** What the owner has gathered. */
  get view(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  /** The owner is done. `isLent`: the memory is still referred to. */
  release(isLent: boolean): void {
    this.#owner = null;
    this.#length = 0;
    if (isLent) this.#memory = Buffer.allocUnsafeSlow(BYTES);
  }
}

export const TURN_BUFFER: TurnBuffer = new TurnBuffer();
