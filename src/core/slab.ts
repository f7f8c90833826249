/** Of one slab. */
const BYTES = 64 * 1024;

/** What is larger than this gets memory of its own, and so does what transports send from where it lies. */
const MAX_PIECE_BYTES = 16 * 1024 - 1;

/** Kept for later copies: 4 MiB a thread at most. */
const MAX_SPARE = 64;

interface Slab {
  readonly memory: Buffer;
  /** Bytes of it that were given out since it was last empty. */
  used: number;
  /** Copies in it that are held. */
  copies: number;
}

const slabs = new WeakMap<ArrayBufferLike, Slab>();
const spare: Slab[] = [];
let current: Slab = takeSlab();

/**
 * A copy of bytes that is kept for a short while. Cut from memory that many share, as Node's pool is for what is smaller,
 * and that is used again once all of them have been given back: allocating 10 KiB costs 1 µs, and collecting it more.
 */
export function copyOf(bytes: Buffer): Buffer {
  const { length } = bytes;
  if (length > MAX_PIECE_BYTES) return Buffer.from(bytes);
  if (current.used + length > BYTES) current = takeSlab();
  const { memory, used } = current;
  const copy = memory.subarray(used, used + length);
  copy.set(bytes);
  current.used += length;
  current.copies++;
  return copy;
}

/**
 * Nobody refers to this copy any more. To be called once. A copy that is never given back keeps its slab from being used
 * again, and is left to the garbage collector with it.
 *
 * @param copy what {@link copyOf} returned. What was not cut from a slab is left alone.
 */
export function giveCopy(copy: Buffer): void {
  const slab = slabs.get(copy.buffer);
  if (slab === undefined || --slab.copies > 0) return;
  slab.used = 0;
  if (slab !== current && spare.length < MAX_SPARE) spare.push(slab);
}

function takeSlab(): Slab {
  const emptied = spare.pop();
  if (emptied !== undefined) return emptied;
  const slab: Slab = { memory: Buffer.allocUnsafeSlow(BYTES), used: 0, copies: 0 };
  slabs.set(slab.memory.buffer, slab);
  return slab;
}
