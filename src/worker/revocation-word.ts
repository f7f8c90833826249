import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { isBefore } from '../link/stream-table.ts';

/** The worker's end of the file by which the balancer takes requests back; see `src/transports/revocation.ts`. */
export class RevocationWord {
  readonly #descriptor: number;
  readonly #word = new Uint8Array(4);
  readonly #view = new DataView(this.#word.buffer);

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @returns null where it cannot be made; the balancer takes nothing back then */
  static create(path: string): RevocationWord | null {
    try {
      const descriptor = openSync(path, 'w+', 0o600);
      writeSync(descriptor, new Uint8Array(4), 0, 4, 0);
      return new RevocationWord(descriptor);
    } catch {
      return null;
    }
  }

  /** Whether the balancer has perhaps given this stream to another worker. Costs about 2 µs. */
  isRevoked(stream: number): boolean {
    readSync(this.#descriptor, this.#word, 0, 4, 0);
    return !isBefore(this.#view.getUint32(0, true), stream);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
