import { markAsUntransferable } from 'node:worker_threads';

/** Cut into the pieces of several bodies. */
const BYTES = 64 * 1024;

/** What is shorter is cut from Node's own pool, which does the same. */
const MIN_PIECE_BYTES = 4 * 1024;

/** A larger piece gets memory of its own. */
const MAX_PIECE_BYTES = 16 * 1024;

let memory: Buffer = fresh();
let used = 0;

/**
 * A copy for the app to keep. Cut from memory that other bodies share: memory of its own for every 10 KiB costs 5 µs, most
 * of it when it is collected. A piece that the app keeps holds all of it.
 */
export function copyForApp(bytes: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  if (length < MIN_PIECE_BYTES || length > MAX_PIECE_BYTES) return Buffer.from(bytes.subarray(start, end));
  if (used + length > BYTES) {
    memory = fresh();
    used = 0;
  }
  const copy = memory.subarray(used, used + length);
  copy.set(bytes.subarray(start, end));
  used += length;
  return copy;
}

/** Handing one piece to another thread must not take the others' memory along. Node's own pool is marked like this. */
function fresh(): Buffer {
  const made = Buffer.allocUnsafeSlow(BYTES);
  markAsUntransferable(made.buffer);
  return made;
}
