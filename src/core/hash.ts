/**
 * A 32-bit hash of a text: FNV-1a over its code units, then the finalizer of MurmurHash3, which spreads what differs only
 * in its last characters. The same in every process. Never for secrets.
 */
export function hash32(text: string, from = 0, to: number = text.length): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix32(hash);
}

/** Every bit of the result depends on every bit of `value`; no two values have the same. */
export function mix32(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
