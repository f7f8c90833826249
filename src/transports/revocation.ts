import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';

/**
 * Takes requests back from a worker whose event loop does not turn, and which therefore reads no frames: one number in a
 * file that both have open, the last stream that is taken back.
 *
 * It is a store and a load on either side (Dekker, 1965). The worker tells Begun and then reads the number; the balancer
 * writes the number and then reads what the worker has told. Whichever comes first, one of the two sees the other: a request is
 * begun, and known to be, or the worker knows that it has to ask.
 */
export class Revocation {
  readonly #descriptor: number;
  readonly #word = new Uint8Array(4);

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @returns null where the worker could not make the file; nothing is taken back from it then */
  static open(path: string): Revocation | null {
    try {
      const descriptor = openSync(path, 'r+');
      unlinkSync(path);
      return new Revocation(descriptor);
    } catch {
      return null;
    }
  }

  /** All streams up to this one. @returns false when that could not be written, and nothing is revoked */
  revoke(upToStream: number): boolean {
    new DataView(this.#word.buffer).setUint32(0, upToStream, true);
    try {
      return writeSync(this.#descriptor, this.#word, 0, 4, 0) === 4;
    } catch {
      return false;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
