import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { LEDGER_BEGUN_AT, LEDGER_REVOKED_AT } from '../link/ledger.ts';

/**
 * The balancer's end of the file beside a link that says how far its requests have got: the last stream that the worker
 * has begun, and the last that was taken back from it. It outlives a worker that dies, and needs no event loop that turns.
 *
 * It is a store and a load on either side (Dekker, 1965). The worker writes what it begins and then reads what was taken
 * back; the balancer writes what it takes back and then reads what was begun. Whichever comes first, one of the two sees the
 * other: a request is begun, and known to be, or the worker knows that it has to ask.
 */
export class StreamLedger {
  readonly #descriptor: number;
  readonly #word = new Uint8Array(4);
  readonly #view = new DataView(this.#word.buffer);

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @returns null where the worker could not make the file: it tells by frames then, and nothing is taken back from it */
  static open(path: string): StreamLedger | null {
    try {
      const descriptor = openSync(path, 'r+');
      unlinkSync(path);
      return new StreamLedger(descriptor);
    } catch {
      return null;
    }
  }

  /** All streams up to this one. @returns false when that could not be written, and nothing is revoked */
  revoke(upToStream: number): boolean {
    this.#view.setUint32(0, upToStream, true);
    try {
      return writeSync(this.#descriptor, this.#word, 0, 4, LEDGER_REVOKED_AT) === 4;
    } catch {
      return false;
    }
  }

  /** The last stream that the worker has begun; 0 = none. null when that cannot be read, and any may have been. */
  begun(): number | null {
    try {
      return readSync(this.#descriptor, this.#word, 0, 4, LEDGER_BEGUN_AT) === 4 ? this.#view.getUint32(0, true) : null;
    } catch {
      return null;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
