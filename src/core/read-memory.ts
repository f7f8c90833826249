/** What Node reads at once by default. */
export const READ_BYTES: number = 64 * 1024;

/**
 * Between two reads a handle is given other memory so often at most: Node keeps a little for each time, until it is closed.
 * From then on a connection goes back to shared memory with its next read only.
 */
export const MAX_SWITCHES: number = 256;

/** What is read at once of a large body: as much as leaves in one frame. Of less than that less is touched. */
const BODY_READ_BYTES: number = 2 * READ_BYTES;

/** Kept for the next connection that needs one: 4 MiB a thread at most. */
const MAX_SPARE = 32;

const spare: Buffer[] = [];
const known = new WeakSet<ArrayBufferLike>();

/**
 * Memory for the reads of one connection, while views of them last longer than a read. Used again rather than left to the
 * garbage collector, which spends more on memory for every read of an upload than the read costs.
 */
export function takeReadMemory(): Buffer {
  const memory = spare.pop();
  if (memory !== undefined) return memory;
  const fresh = Buffer.allocUnsafeSlow(BODY_READ_BYTES);
  known.add(fresh.buffer);
  return fresh;
}

/** Whether these bytes lie in such memory: it may be read into again when whoever has it gives it back. */
export function isReadMemory(view: Uint8Array): boolean {
  return known.has(view.buffer);
}

/**
 * Nobody refers to this memory, or to any view of it, any more. To be called once, by the one who has it.
 *
 * @param view of any part of it. What lies elsewhere is left alone.
 */
export function giveReadMemory(view: Uint8Array): void {
  if (known.has(view.buffer) && spare.length < MAX_SPARE) spare.push(Buffer.from(view.buffer));
}
