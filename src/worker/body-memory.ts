/**
 * A copy for the app to keep, in memory of its own, as Node's parser makes it: `chunk.buffer` is this piece and nothing else,
 * so it may be handed to another thread, or be read without a look at `byteOffset`.
 */
export function copyForApp(bytes: Uint8Array, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
