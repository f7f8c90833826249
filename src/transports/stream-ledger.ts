import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { LEDGER_ALL_FROM, LEDGER_BEGUN_AT, LEDGER_BYTES, LEDGER_REVOKED_AT } from '../link/ledger.ts';

/** Streams as the worker has noted them. */
export interface Notes {
  /** The last that was begun; 0 = none. */
  readonly begun: number;
  /** Of these and all later ones it would have noted it; 0 = of none but those that must not run twice. */
  readonly allFrom: number;
}

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
  readonly #notes = new Uint8Array(LEDGER_BYTES - LEDGER_BEGUN_AT);

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

  /** What the worker has noted. @returns null when that cannot be read, and any request may have been begun */
  read(): Notes | null {
    const bytes = this.#notes;
    try {
      const length = readSync(this.#descriptor, bytes, 0, bytes.length, LEDGER_BEGUN_AT);
      if (length !== bytes.length) return null;
    } catch {
      return null;
    }
    const view = new DataView(bytes.buffer);
    return { begun: view.getUint32(0, true), allFrom: view.getUint32(LEDGER_ALL_FROM - LEDGER_BEGUN_AT, true) };
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
