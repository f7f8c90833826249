/** Where in what the app sends the tracking stands. */
const Part = {
  /** The head of the response to the upgrade. */
  Head: 0,
  Frames: 1,
  /** No WebSocket after all, or one that the app closes itself: left alone. */
  Alone: 2,
  /** Our close frame has gone out: nothing follows it. */
  Closed: 3,
} as const;
type Part = (typeof Part)[keyof typeof Part];

const HEAD_END = '\r\n\r\n';
const ACCEPTED = /^HTTP\/1\.1 101 /;
const CLOSE = 8;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Follows what an app sends on a WebSocket from frame to frame (RFC 6455 section 5.2), so that a close frame can be put
 * between two of them and never into one. It reads the headers, 2 to 14 bytes a frame, and passes over the rest.
 */
export class WebSocketFrames {
  #part: Part = Part.Head;
  /** The head's first bytes, then its last ones. */
  #start = '';
  #tail = '';
  /** Of the header that is being read. */
  readonly #header = new Uint8Array(14);
  #headerLength = 0;
  /** Of the frame's payload still to come. */
  #remaining = 0;
  /** To be sent at the next boundary; null = none is. */
  #close: Buffer | null = null;
  /** So many bytes come before it all the same. */
  #beforeClose = 0;

  /** Our close frame has gone out. */
  get isClosed(): boolean {
    return this.#part === Part.Closed;
  }

  /**
   * A close frame is to go out.
   * @param waiting bytes that the app has sent already, and that have yet to pass: they go before it
   * @returns it, where it may go at once; else {@link pass} puts it where it belongs
   */
  close(code: number, waiting: number): Buffer | null {
    if (this.#part === Part.Closed || this.#part === Part.Alone) return null;
    this.#close = Buffer.from([0x80 | CLOSE, 2, code >> 8, code & 0xff]);
    this.#beforeClose = waiting;
    return this.#part === Part.Frames && this.#isBetween && waiting === 0 ? this.#takeClose() : null;
  }

  /** The app sends this. @returns what of it is to go out */
  pass(bytes: Buffer): Buffer {
    if (this.#part === Part.Closed) return NOTHING;
    if (this.#part === Part.Alone) return bytes;
    let at = this.#part === Part.Head ? this.#passHead(bytes) : 0;
    while (this.#part === Part.Frames) {
      if (this.#isBetween && this.#close !== null && at >= this.#beforeClose) {
        return Buffer.concat([bytes.subarray(0, at), this.#takeClose()]);
      }
      if (at >= bytes.length) break;
      at = this.#remaining > 0 ? this.#passPayload(bytes.length, at) : this.#passHeader(bytes, at);
    }
    this.#beforeClose -= bytes.length;
    return bytes;
  }

  get #isBetween(): boolean {
    return this.#remaining === 0 && this.#headerLength === 0;
  }

  #takeClose(): Buffer {
    this.#part = Part.Closed;
    return this.#close!;
  }

  /** @returns where the head has ended */
  #passHead(bytes: Buffer): number {
    // The end may be spread over pieces.
    const text = this.#tail + bytes.latin1Slice();
    if (this.#start.length < 16) this.#start = (this.#start + bytes.subarray(0, 16).latin1Slice()).slice(0, 16);
    const end = text.indexOf(HEAD_END);
    if (end === -1) {
      this.#tail = text.slice(-(HEAD_END.length - 1));
      return bytes.length;
    }
    this.#part = ACCEPTED.test(this.#start) ? Part.Frames : Part.Alone;
    return end + HEAD_END.length - (text.length - bytes.length);
  }

  #passPayload(length: number, at: number): number {
    const passed = Math.min(this.#remaining, length - at);
    this.#remaining -= passed;
    return at + passed;
  }

  /** One byte of a header. @returns the place after it */
  #passHeader(bytes: Buffer, at: number): number {
    const header = this.#header;
    header[this.#headerLength++] = bytes[at]!;
    if (this.#headerLength < 2) return at + 1;
    const kind = header[1]! & 0x7f;
    const lengthBytes = kind === 127 ? 8 : kind === 126 ? 2 : 0;
    // A server masks nothing; one that does is followed all the same.
    const maskBytes = (header[1]! & 0x80) === 0 ? 0 : 4;
    if (this.#headerLength < 2 + lengthBytes + maskBytes) return at + 1;
    let length = lengthBytes === 0 ? kind : 0;
    for (let i = 2; i < 2 + lengthBytes; i++) length = length * 256 + header[i]!;
    this.#remaining = length;
    this.#headerLength = 0;
    if ((header[0]! & 0x0f) === CLOSE) this.#part = Part.Alone;
    return at + 1;
  }
}
