import { once } from 'node:events';
import net from 'node:net';
import type { Cleanup } from './cleanup.ts';
import { DEADLINE_MS } from './until.ts';

/** One response as it stood on the wire. */
export interface RawResponse {
  readonly status: number;
  /** Status line and fields, as received, with the empty line. */
  readonly head: string;
  /** Unframed. */
  readonly body: Buffer;
  /** Trailer lines. */
  readonly trailers: string;
  /** Chunks as they were framed; empty for other framings. */
  readonly chunks: readonly string[];
}

/** One request as it stood on the wire. */
export interface RawRequest {
  /** Request line and fields, as received, with the empty line. */
  readonly head: string;
  /** Unframed. */
  readonly body: Buffer;
  /** Trailer lines. */
  readonly trailers: string;
}

/** Bytes over a socket, and what comes back. */
export class RawClient {
  readonly socket: net.Socket;
  /** Everything received and not yet taken. */
  #received: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #closed = false;
  #error: NodeJS.ErrnoException | null = null;
  #wake: () => void = () => {};

  private constructor(test: Cleanup, socket: net.Socket) {
    this.socket = socket;
    test.after(() => socket.destroy());
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#bytes += bytes.length;
      this.#wake();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  /**
   * @param url of which host and port count
   * @param allowHalfOpen go on sending after the server's FIN
   */
  static async connect(test: Cleanup, url: string, allowHalfOpen: boolean = false): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen });
    const client = new RawClient(test, socket);
    await once(socket, 'connect');
    return client;
  }

  /** The other end of a connection that was accepted. */
  static accepted(test: Cleanup, socket: net.Socket): RawClient {
    return new RawClient(test, socket);
  }

  /** Bytes received and not yet taken. */
  get bytes(): number {
    return this.#bytes;
  }

  get error(): NodeJS.ErrnoException | null {
    return this.#error;
  }

  /** Text is latin1. */
  write(data: string | Uint8Array): void {
    if (typeof data === 'string') this.socket.write(data, 'latin1');
    else this.socket.write(data);
  }

  /** Sends our FIN. */
  end(): void {
    this.socket.end();
  }

  /** Resolves when the server has sent its FIN, or a reset. */
  async ended(): Promise<void> {
    await this.#until('the end', () => (this.#ended || this.#closed ? true : null));
  }

  /** All that comes until the server closes, in latin1. */
  async rest(): Promise<string> {
    await this.ended();
    return this.#take(this.#bytes).toString('latin1');
  }

  /** So many bytes. */
  async read(length: number): Promise<Buffer> {
    return this.#until(`${length} bytes`, () => (this.#bytes >= length ? this.#take(length) : null));
  }

  /** The next head, with its empty line. */
  head(): Promise<string> {
    return this.#until('a head', () => {
      const end = this.#peek().indexOf('\r\n\r\n');
      return end === -1 ? null : this.#take(end + 4).toString('latin1');
    });
  }

  /** The next request, and its body unframed. */
  async request(): Promise<RawRequest> {
    const head = await this.head();
    if (/^transfer-encoding:.*chunked/im.test(head)) {
      const { body, trailers } = await this.#chunked();
      return { head, body, trailers };
    }
    const length = /^content-length: *(\d+)/im.exec(head);
    return { head, body: length === null ? Buffer.alloc(0) : await this.read(Number(length[1])), trailers: '' };
  }

  /** The next response, interim ones too. @param method of the request it answers */
  async response(method: string = 'GET'): Promise<RawResponse> {
    const head = await this.head();
    const status = Number(/^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head)?.[1]);
    const plain = { status, head, trailers: '', chunks: [] };
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304 || method === 'CONNECT') {
      return { ...plain, body: Buffer.alloc(0) };
    }
    if (/^transfer-encoding:.*chunked/im.test(head)) return { ...plain, ...(await this.#chunked()) };
    const length = /^content-length: *(\d+)/im.exec(head);
    if (length !== null) return { ...plain, body: await this.read(Number(length[1])) };
    await this.ended();
    return { ...plain, body: this.#take(this.#bytes) };
  }

  async #chunked(): Promise<Pick<RawResponse, 'body' | 'chunks' | 'trailers'>> {
    const pieces: Buffer[] = [];
    const chunks: string[] = [];
    for (;;) {
      const length = Number.parseInt(await this.#line(), 16);
      if (length === 0) break;
      const piece = await this.read(length + 2);
      pieces.push(piece.subarray(0, -2));
      chunks.push(piece.toString('latin1', 0, length));
    }
    let trailers = '';
    for (;;) {
      const line = await this.#line();
      if (line === '\r\n') return { body: Buffer.concat(pieces), chunks, trailers };
      trailers += line;
    }
  }

  /** With its CRLF. */
  #line(): Promise<string> {
    return this.#until('a line', () => {
      const end = this.#peek().indexOf('\r\n');
      return end === -1 ? null : this.#take(end + 2).toString('latin1');
    });
  }

  #peek(): Buffer {
    if (this.#received.length > 1) this.#received = [Buffer.concat(this.#received)];
    return this.#received[0] ?? Buffer.alloc(0);
  }

  #take(length: number): Buffer {
    const all = this.#peek();
    this.#received = length < all.length ? [all.subarray(length)] : [];
    this.#bytes -= length;
    return all.subarray(0, length);
  }

  async #until<T>(what: string, look: () => T | null): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, DEADLINE_MS);
    try {
      for (;;) {
        const found = look();
        if (found !== null) return found;
        const why = this.#ended || this.#closed ? `closed (${this.#error?.code ?? 'FIN'}) before` : '';
        if (why !== '' || isLate) {
          const got = `got ${JSON.stringify(this.#peek().toString('latin1', 0, 2000))}`;
          throw new Error(`${why || `waited ${DEADLINE_MS} ms for`} ${what}; ${got}`);
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
