/** One keep-alive client connection that carries one request at a time and says when its answer is complete. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Told the status of the answer, or 0 when the connection ended without one. */
export type Answered = (status: number) => void;

const HEAD_END = '\r\n\r\n';

export class KeptConnection {
  readonly #socket: Socket;
  #answered: Answered | null = null;
  #received: Buffer | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => this.#finish(0));
  }

  static async open(port: number): Promise<KeptConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new KeptConnection(socket);
  }

  /** Bytes of a GET for this path. */
  static get(path: string): Buffer {
    return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** Sends a whole request. Only after the answer to the one before. */
  send(request: Buffer, answered: Answered): void {
    this.#answered = answered;
    if (this.isOpen) this.#socket.write(request);
    else this.#finish(0);
  }

  /** Sends it and waits for the status. */
  ask(request: Buffer): Promise<number> {
    return new Promise((done) => this.send(request, done));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** All apps answer with a content-length, and nearly always in one piece. */
  #take(bytes: Buffer): void {
    const received = this.#received === null ? bytes : Buffer.concat([this.#received, bytes]);
    const headLength = received.indexOf(HEAD_END) + HEAD_END.length;
    if (headLength >= HEAD_END.length) {
      const head = received.latin1Slice(0, headLength);
      const bodyLength = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (received.length >= headLength + bodyLength) {
        this.#received = null;
        this.#finish(Number(head.slice(9, 12)));
        return;
      }
    }
    this.#received = received;
  }

  #finish(status: number): void {
    const answered = this.#answered;
    this.#answered = null;
    answered?.(status);
  }
}
