import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout } from '../core/timers.ts';
import type { CapturableServer } from './node-http.ts';
import { Tunnel } from './tunnel.ts';
import { GOODBYE_MS, type WebSocketStream } from './web-socket-drain.ts';
import { WebSocketFrames } from './web-socket-frames.ts';

type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean;
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
  if (tunnel instanceof Tunnel) tunnel.webSocket = new SecureWebSocket(socket);
}

/** One that is followed from the answer to its upgrade on, by what the app writes. */
class SecureWebSocket implements WebSocketStream {
  readonly #socket: Duplex;
  readonly #frames = new WebSocketFrames();
  readonly #write: Write;
  #isEnding = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#write = socket.write.bind(socket) as Write;
    const end = socket.end.bind(socket) as End;
    define(socket, 'write', this.#onWrite);
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
    const frame = this.#frames.close(code);
    if (frame === null) return;
    this.#write(frame);
    this.#endSoon();
  }

  /** In place of the socket's own write. */
  readonly #onWrite: Write = (chunk, encoding, callback) => {
    const isText = typeof chunk === 'string';
    if (!isText && !(chunk instanceof Uint8Array)) return this.#write(chunk, encoding, callback);
    const done = typeof encoding === 'function' ? encoding : callback;
    const bytes = isText
      ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const passed = this.#frames.pass(bytes);
    if (this.#frames.isClosed) this.#endSoon();
    if (passed.length > 0 || bytes.length === 0) return this.#write(passed, done);
    // Nothing follows a goodbye. Whoever wrote it hears what he would of a client that has gone.
    if (typeof done === 'function') process.nextTick(done as () => void);
    return true;
  };

  /** The app ends it as it does when the client closes; if that takes too long it is ended for it. */
  #endSoon(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    setTimeout(() => this.#socket.destroy(), GOODBYE_MS).unref();
  }
}

/** As a property that nobody comes across who lists what the object has. */
function define(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, writable: true, enumerable: false });
}
