/**
 * The little of Engine.IO that has to be understood to keep its sessions together
 * (https://socket.io/docs/v4/engine-io-protocol/). A client begins with a request whose query holds `EIO=4` and no `sid`;
 * the answer's body is `0{"sid":"...","pingInterval":25000,...}`; from then on its requests carry that `sid`, and the
 * upgrade to a WebSocket does, too. Version 3 puts a length before the packet, and JSONP escapes its quotes.
 */

/** `/?EIO=4` */
const SHORTEST_TARGET = 7;

/** A handshake is 120 bytes long. What does not show an id within so many is none. */
const MAX_HANDSHAKE_BYTES = 4096;

const SID = /\\?"sid\\?":\\?"([^"\\]{1,256})\\?"/;
const PING_INTERVAL = /\\?"pingInterval\\?":(\d{1,9})/;
const PING_TIMEOUT = /\\?"pingTimeout\\?":(\d{1,9})/;

/** Of Engine.IO, where a handshake does not say. */
const DEFAULT_TTL_MS = 45_000;

/**
 * Whether a request belongs to Engine.IO, by its target. Asked of every request: 20 ns, which is what it takes to find
 * nothing in a head of 400 bytes; looking at the characters of the target one by one takes up to five times as long.
 */
export function isEngineIo(lines: string, targetOffset: number, targetLength: number): boolean {
  if (targetLength < SHORTEST_TARGET) return false;
  const end = targetOffset + targetLength;
  for (let at = lines.indexOf('EIO=', targetOffset); at !== -1 && at < end; at = lines.indexOf('EIO=', at + 4)) {
    const before = lines.charCodeAt(at - 1);
    if (before === 0x3f || before === 0x26) return true;
  }
  return false;
}

export interface Handshake {
  readonly sid: string;
  /** After so long without a sign of it the server has closed the session. */
  readonly ttlMs: number;
}

/** Reads the id out of one answer's body, however it is cut into pieces. */
export class HandshakeReader {
  #text = '';

  /** Nothing will be found any more. */
  get isOver(): boolean {
    return this.#text.length > MAX_HANDSHAKE_BYTES;
  }

  /** null until it is there. */
  read(bytes: Buffer, from: number, to: number): Handshake | null {
    if (this.isOver) return null;
    this.#text += bytes.latin1Slice(from, Math.min(to, from + MAX_HANDSHAKE_BYTES + 1));
    // The packet has to be complete, since its ping times stand behind the id.
    if (!this.#text.includes('}')) return null;
    const sid = SID.exec(this.#text)?.[1];
    if (sid === undefined) return null;
    const interval = PING_INTERVAL.exec(this.#text)?.[1];
    const timeout = PING_TIMEOUT.exec(this.#text)?.[1];
    const isTold = interval !== undefined && timeout !== undefined;
    return { sid, ttlMs: isTold ? Number(interval) + Number(timeout) : DEFAULT_TTL_MS };
  }
}
