import { createRequire } from 'node:module';
import type { TestContext } from 'node:test';
import { until } from '../../support/until.ts';

/** As much of the class of `ws` as is used here; the package brings no types. */
interface WsSocket {
  on(event: 'open', listener: () => void): this;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: 'close', listener: (code: number, reason: Buffer) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
  send(data: string | Buffer): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

const require = createRequire(import.meta.url);
const { WebSocket } = require('ws') as { WebSocket: new (url: string, options?: object) => WsSocket };

/** A WebSocket client of the `ws` package that keeps what comes. */
export class WebSocketClient {
  readonly messages: (string | Buffer)[] = [];
  readonly #socket: WsSocket;
  #closing: { readonly code: number; readonly reason: string } | null = null;
  #error: Error | null = null;

  /**
   * @param url `http:` and so on, as for a request
   * @param options of its TLS
   */
  constructor(test: TestContext, url: string, options: { readonly rejectUnauthorized?: boolean } = {}) {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), options);
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.messages.push(isBinary ? data : String(data)));
    socket.on('close', (code, reason) => {
      this.#closing = { code, reason: String(reason) };
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    test.after(() => socket.terminate());
  }

  send(data: string | Buffer): void {
    this.#socket.send(data);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** Reads nothing until {@link resume}. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The message of that number, from 0. */
  message(index: number): Promise<string | Buffer> {
    return until(`message ${index}`, () => {
      if (this.messages.length > index) return this.messages[index];
      if (this.#error !== null) throw this.#error;
      if (this.#closing !== null) throw new Error(`closed with ${this.#closing.code} before message ${index}`);
      return null;
    });
  }

  get isClosed(): boolean {
    return this.#closing !== null;
  }

  closed(): Promise<{ readonly code: number; readonly reason: string }> {
    return until('the socket to close', () => this.#closing);
  }
}
