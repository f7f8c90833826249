/** Small neighbours are joined up to this size: each piece leaves as a frame of its own. */
const JOINED_BYTES = 16 * 1024;

/** What is left to send of a write. */
export class UnsentPieces {
  readonly #pieces: Buffer[];
  #length = 0;

  /** @param pieces in order. They are referred to, or copied where they are small. */
  constructor(pieces: readonly Buffer[]) {
    this.#pieces = joined(pieces);
    for (const { length } of this.#pieces) this.#length += length;
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** The next bytes, at most `most` and at least one. Not when there are none. */
  take(most: number): Buffer {
    const first = this.#pieces[0]!;
    if (first.length <= most) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(most);
    const taken = first.length <= most ? first : first.subarray(0, most);
    this.#length -= taken.length;
    return taken;
  }

  /** Nothing of it will be sent. */
  clear(): void {
    this.#pieces.length = 0;
    this.#length = 0;
  }
}

function joined(pieces: readonly Buffer[]): Buffer[] {
  const whole: Buffer[] = [];
  let run: Buffer[] = [];
  let runBytes = 0;
  const close = (): void => {
    if (run.length > 0) whole.push(run.length === 1 ? run[0]! : Buffer.concat(run, runBytes));
    run = [];
    runBytes = 0;
  };
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (runBytes + piece.length > JOINED_BYTES) close();
    run.push(piece);
    runBytes += piece.length;
  }
  close();
  return whole;
}
