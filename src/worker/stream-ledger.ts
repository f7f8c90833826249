import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { toMonotonicMs } from '../core/clock.ts';
import { isFresh, LEDGER_ALL_FROM, LEDGER_BEGUN_AT, LEDGER_BYTES, LEDGER_REVOKED_AT } from '../link/ledger.ts';
import { isBefore } from '../link/stream-table.ts';

/** The worker's end of the file that says how far requests have got; see `src/transports/stream-ledger.ts`. */
export class StreamLedger {
  readonly #descriptor: number;
  readonly #word = new Uint8Array(4);
  readonly #view = new DataView(this.#word.buffer);

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** @returns null where it cannot be made; the balancer takes nothing back then */
  static create(path: string): StreamLedger | null {
    try {
      const descriptor = openSync(path, 'w+', 0o600);
      writeSync(descriptor, new Uint8Array(LEDGER_BYTES), 0, LEDGER_BYTES, 0);
      return new StreamLedger(descriptor);
    } catch {
      return null;
    }
  }

  /** From this stream on all that begin are noted; 0 = only those that must not run twice. @returns whether it is so now */
  noteAllFrom(stream: number): boolean {
    return this.#write(stream, LEDGER_ALL_FROM);
  }

  /** All streams up to this one. Costs 1 to 2 µs. @returns false when that could not be written */
  tellBegun(stream: number): boolean {
    return this.#write(stream, LEDGER_BEGUN_AT);
  }

  /**
   * Whether the balancer has perhaps given this stream to another worker. To be asked once it has been told as begun: what
   * is fresh then was begun, and known to be, before it could be taken back.
   *
   * @param sentAtMs by the balancer: {@link toMonotonicMs}, 32 bits of it
   * @param nowMs of this thread
   */
  isRevoked(stream: number, sentAtMs: number, nowMs: number): boolean {
    if (isFresh(sentAtMs, toMonotonicMs(nowMs))) return false;
    readSync(this.#descriptor, this.#word, 0, 4, LEDGER_REVOKED_AT);
    return !isBefore(this.#view.getUint32(0, true), stream);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #write(stream: number, at: number): boolean {
    this.#view.setUint32(0, stream, true);
    try {
      return writeSync(this.#descriptor, this.#word, 0, 4, at) === 4;
    } catch {
      return false;
    }
  }
}
