import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout } from '../core/timers.ts';
import type { CapturableServer } from './node-http.ts';
import { Tunnel } from './tunnel.ts';
import { GOODBYE_MS, throwAway, type WebSocketStream } from './web-socket-drain.ts';
import { WebSocketFrames } from './web-socket-frames.ts';

type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean;
type Done = (error?: Error | null) => void;
type End = (chunk?: unknown, encoding?: unknown, callback?: unknown) => Duplex;

/**
 * Learns of the WebSockets of a server that speaks TLS itself: what passes the balancer is encrypted, but here the app's
 * frames go by in plain. Servers that know no upgrades never emit that event.
 */
export function noteSecureWebSockets(server: CapturableServer): void {
  // It may listen again.
  if (noted.has(server)) return;
  noted.add(server);
  const emit = server.emit as (this: object, event: string | symbol, ...args: unknown[]) => boolean;
  define(server, 'emit', (event: string | symbol, ...args: unknown[]): boolean => {
    if (event === 'upgrade') note(args[0] as IncomingMessage, args[1] as Duplex);
    return emit.call(server, event, ...args);
  });
}

const noted = new WeakSet<CapturableServer>();

function note({ headers }: IncomingMessage, socket: Duplex): void {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return;
  // The handle of a TLSSocket knows the one below it.
  const { _handle: handle } = socket as unknown as { _handle?: { _parent?: { tunnel?: unknown } } | null };
  const tunnel = handle?._parent?.tunnel;
  if (tunnel instanceof Tunnel) tunnel.carryWebSocket(new SecureWebSocket(socket));
}

/** One that is followed from the answer to its upgrade on, by what the app writes. */
class SecureWebSocket implements WebSocketStream {
  readonly #socket: Duplex;
  readonly #frames = new WebSocketFrames();
  readonly #write: Write;
  /** What ends with our close frame; null = it has not been written. */
  #last: Buffer | null = null;
  /** That has been given to the handle. */
  #isOver = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#write = socket.write.bind(socket) as Write;
    const end = socket.end.bind(socket) as End;
    define(socket, 'write', this.#onWrite);
    this.#endWithLast(socket as unknown as HandedOn);
    define(socket, 'end', (chunk?: unknown, encoding?: unknown, callback?: unknown): Duplex => {
      if (chunk === undefined || chunk === null || typeof chunk === 'function') return end(chunk, encoding, callback);
      if (typeof encoding === 'function') {
        this.#onWrite(chunk);
        return end(encoding);
      }
      this.#onWrite(chunk, encoding);
      return end(callback);
    });
  }

  closeWebSocket(code: number): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    const frame = this.#frames.close(code, 0);
    if (frame === null) return;
    this.#last = frame;
    this.#write(frame, this.#endSoon);
  }

  /** Nothing follows the goodbye: what the stream holds behind it is not given to the handle. */
  #endWithLast(socket: HandedOn): void {
    const { _write: handOn, _writev: handAllOn } = socket;
    define(socket, '_write', (chunk: unknown, encoding: string, done: Done): void => {
      if (this.#isOver) throwAway(done);
      else handOn.call(socket, chunk, encoding, done);
      if (chunk === this.#last) this.#isOver = true;
    });
    define(socket, '_writev', (chunks: HeldChunks, done: Done): void => {
      const last = this.#last === null ? -1 : chunks.findIndex(({ chunk }) => chunk === this.#last);
      if (this.#isOver) throwAway(done);
      else if (last === -1) handAllOn.call(socket, chunks, done);
      else {
        this.#isOver = true;
        const kept = Object.assign(chunks.slice(0, last + 1), { allBuffers: chunks.allBuffers });
        handAllOn.call(socket, kept, done);
      }
    });
  }

  /** In place of the socket's own write. */
  readonly #onWrite: Write = (chunk, encoding, callback) => {
    if (this.#last !== null) return this.#write(chunk, encoding, callback);
    const isText = typeof chunk === 'string';
    if (!isText && !(chunk instanceof Uint8Array)) return this.#write(chunk, encoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    const bytes = isText
      ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const passed = this.#frames.pass(bytes);
    if (!this.#frames.isClosed) return this.#write(passed, done);
    this.#last = passed;
    return this.#write(passed, (...error: unknown[]) => {
      this.#endSoon();
      if (typeof done === 'function') done(...error);
    });
  };

  /** The app ends it as it does when the client closes; if that takes too long it is ended for it. */
  readonly #endSoon = (): void => {
    setTimeout(() => this.#socket.destroy(), GOODBYE_MS).unref();
  };
}

/** A stream's way to its handle. */
interface HandedOn {
  _write(chunk: unknown, encoding: string, done: Done): void;
  _writev(chunks: HeldChunks, done: Done): void;
}

type HeldChunks = { readonly chunk: unknown }[] & { allBuffers?: boolean | undefined };

/** As a property that nobody comes across who lists what the object has. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: false });
}
