const BINARY = 2;
const CLOSE = 8;
/** The last frame of a message. */
const FIN = 0x80;

/** A WebSocket's frame with binary data, unmasked (RFC 6455 section 5.2). */
export function frameOf(payload: Buffer): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + lengthBytes);
  header[0] = FIN | BINARY;
  header[1] = lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127;
  if (lengthBytes === 2) header.writeUInt16BE(length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

/** Takes payloads out of frames that may be split anywhere. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onPayload: (payload: Buffer) => void;
  readonly #onClose: (code: number) => void;

  constructor(onPayload: (payload: Buffer) => void, onClose: (code: number) => void) {
    this.#onPayload = onPayload;
    this.#onClose = onClose;
  }

  /** @throws where a frame has a header that {@link frameOf} does not write */
  push(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      if (frame.opcode === BINARY) this.#onPayload(frame.payload);
      else this.#onClose(frame.payload.readUInt16BE(0));
    }
  }

  /** Nothing of a frame has come whose rest has not. */
  get isBetween(): boolean {
    return this.#rest.length === 0;
  }

  #next(): { opcode: number; payload: Buffer } | null {
    const rest = this.#rest;
    if (rest.length < 2) return null;
    const opcode = rest[0]! & 0x0f;
    if ((rest[0]! & 0xf0) !== FIN || (opcode !== BINARY && opcode !== CLOSE) || (rest[1]! & 0x80) !== 0) {
      throw new Error(`a frame begins with ${rest.subarray(0, 40).toString('latin1')}`);
    }
    const kind = rest[1]!;
    const start = kind < 126 ? 2 : kind === 126 ? 4 : 10;
    if (rest.length < start) return null;
    const length = kind < 126 ? kind : kind === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
    if (rest.length < start + length) return null;
    this.#rest = rest.subarray(start + length);
    return { opcode, payload: rest.subarray(start, start + length) };
  }
}
