/** Of one slab. */
const BYTES = 64 * 1024;

/** What is larger than this gets memory of its own. */
const MAX_PIECE_BYTES = 16 * 1024;

let slab: Buffer = Buffer.allocUnsafeSlow(BYTES);
let used = 0;

/**
 * A copy of bytes that is kept for a short while. Cut from memory that many share, as Node's pool is for what is smaller:
 * allocating 10 KiB costs 1 µs, and as much again when it is collected. As long as one piece is held its slab is.
 */
export function copyOf(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length > MAX_PIECE_BYTES) return Buffer.from(bytes);
  if (used + length > BYTES) {
    slab = Buffer.allocUnsafeSlow(BYTES);
    used = 0;
  }
  const piece = slab.subarray(used, used + length);
  piece.set(bytes);
  used += length;
  return piece;
}
