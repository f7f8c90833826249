import net from 'node:net';
import type tls from 'node:tls';
import { writeText } from '../core/direct-write.ts';
import { LAZILY } from '../core/lazily.ts';
import type { StreamHandle } from '../core/node-internals.ts';
import { giveReadMemory, MAX_SWITCHES, READ_BYTES, takeReadMemory } from '../core/read-memory.ts';
import type { ServerAddress } from '../core/server-address.ts';
import { resetSocket } from '../core/socket-reset.ts';

/**
 * All sockets to servers of a thread read into this one buffer, as those of clients do into theirs: a read is handled
 * before the next can happen, so a kept connection holds no memory for reading.
 */
const SHARED_READ_BUFFER: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

/** After a failed write, what the server had sent before is still read; so long. */
const LAST_READ_MS = 1_000;

export interface UpstreamSocketEvents {
  /** Connected, and with TLS: the server's certificate has been accepted. */
  onConnect(): void;
  /** `bytes` holds until the call returns; what must last is copied. */
  onRead(bytes: Buffer, length: number): void;
  /** The server has finished sending. */
  onEnd(): void;
  /** So many bytes less wait for the kernel, or none. */
  onFlushed(): void;
  /** @param error what ended it; null = nothing but an end. */
  onClose(error: NodeJS.ErrnoException | null): void;
}

/** TLS to servers. What all connections of a pool share. */
export interface UpstreamTls {
  readonly context: tls.SecureContext;
  /** Name asked for and checked; null = the server's host. */
  readonly serverName: string | null;
  /** The server's certificate has to be valid for the name. */
  readonly verifies: boolean;
}

/** A connection to a server, read by call rather than by stream. */
export class UpstreamSocket {
  readonly #socket: net.Socket;
  readonly #events: UpstreamSocketEvents;
  #ownBuffer: Buffer | null = null;
  /** What the next read goes into. */
  #readBuffer: Buffer = SHARED_READ_BUFFER;
  #error: NodeJS.ErrnoException | null = null;
  #isPaused = false;
  #isReading = false;
  /** How often the handle was given other memory between two reads. */
  #switches = 0;
  #isClosed = false;
  /** A write has failed. */
  #isDeaf = false;
  readonly #isPlain: boolean;

  constructor(
    address: ServerAddress,
    upstreamTls: UpstreamTls | null,
    session: Buffer | null,
    events: UpstreamSocketEvents,
    onSession: (session: Buffer) => void,
  ) {
    this.#events = events;
    this.#isPlain = upstreamTls === null;
    const onread = { buffer: this.#nextBuffer, callback: this.#onRead };
    const where = address.path === null ? { host: address.host ?? '', port: address.port } : { path: address.path };
    if (upstreamTls === null) {
      this.#socket = net.connect({ ...where, allowHalfOpen: true, noDelay: true, onread } as net.NetConnectOpts, () =>
        this.#events.onConnect(),
      );
    } else {
      const name = upstreamTls.serverName ?? address.host;
      const socket = LAZILY.tls.connect({
        ...where,
        // RFC 6066 section 3: an address is no name.
        ...(name === null || net.isIP(name) !== 0 ? {} : { servername: name }),
        ...(session === null ? {} : { session }),
        secureContext: upstreamTls.context,
        rejectUnauthorized: upstreamTls.verifies,
        ALPNProtocols: ['http/1.1'],
        // Not in Node's types, but in its documents, which refer to net.Socket for them.
        ...({ allowHalfOpen: true, onread } as object),
      });
      socket.setNoDelay(true);
      socket.on('secureConnect', () => this.#events.onConnect());
      socket.on('session', onSession);
      this.#socket = socket;
    }
    this.#socket.on('end', () => this.#events.onEnd());
    this.#socket.on('error', (error) => {
      this.#error ??= error;
    });
    this.#socket.on('close', () => {
      this.#isClosed = true;
      this.useSharedBuffer();
      this.#events.onClose(this.#error);
    });
    this.#keepReadingAfterWriteErrors();
  }

  /** Bytes not yet taken by the kernel. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** The kernel has not taken all of what was last written, and may have taken some. */
  get isLagging(): boolean {
    return (this.#handle?.writeQueueSize ?? 0) > 0;
  }

  /** Whether these bytes lie in memory that every connection reads into. */
  static isShared(bytes: Buffer): boolean {
    return bytes.buffer === SHARED_READ_BUFFER.buffer;
  }

  /** What needs no count, such as a head. Latin1. */
  text(text: string): void {
    if (this.#isPlain) writeText(this.#socket, text);
    else this.#socket.write(text, 'latin1');
  }

  /** A piece of a body that is copied. Latin1. */
  bodyText(text: string): void {
    this.#socket.write(text, 'latin1', this.#onFlushed);
  }

  /** A piece of a body that is not copied. */
  bodyBytes(bytes: Buffer): void {
    this.#socket.write(bytes, this.#onFlushed);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Sends our FIN. */
  end(): void {
    this.#socket.end();
  }

  /** What is written reaches nobody: it was closed at either end. An answer may still be read. */
  get isDeaf(): boolean {
    return this.#isDeaf || this.#socket.destroyed;
  }

  /** Asked behind its end, whether that was one: libuv tells of a reset that comes together with data as of an end. */
  get wasReset(): boolean {
    return (this.#handle?.getpeername?.({}) ?? 0) !== 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** TLS has no reset of its own. */
  reset(): void {
    if (this.#isPlain) resetSocket(this.#socket);
    else this.#socket.destroy();
  }

  /** When all that was written has left. */
  destroySoon(): void {
    this.#socket.destroySoon();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    const handle = this.#handle;
    if (handle === null) return;
    handle.readStop();
    handle.reading = false;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const handle = this.#handle;
    if (handle === null) return;
    handle.reading = true;
    handle.readStart();
  }

  /** From the next read on the memory given to onRead is this connection's own. */
  useOwnBuffer(): void {
    this.#ownBuffer ??= takeReadMemory();
  }

  /** The memory of the read being handled is still referred to, and must not be read into again. */
  renewOwnBuffer(): void {
    if (this.#ownBuffer === null || this.#readBuffer !== this.#ownBuffer) return;
    this.#ownBuffer = takeReadMemory();
  }

  /** Gives memory of its own back. Not while a read is handled whose pieces have not been settled. */
  useSharedBuffer(): void {
    const own = this.#ownBuffer;
    if (own === null) return;
    if (!this.#isReading && !this.#isClosed && ++this.#switches > MAX_SWITCHES) return;
    this.#ownBuffer = null;
    giveReadMemory(own);
    // Node asks for the next buffer when a read has been handled.
    if (this.#isReading || this.#readBuffer === SHARED_READ_BUFFER) return;
    this.#readBuffer = SHARED_READ_BUFFER;
    this.#handle?.useUserBuffer(SHARED_READ_BUFFER);
  }

  get #handle(): StreamHandle | null {
    if (this.#isClosed) return null;
    return (this.#socket as unknown as { readonly _handle: StreamHandle | null })._handle;
  }

  /**
   * A server that refuses a body half-way (413 and the like) closes while we write, and its answer lies in our receive
   * queue. Node would destroy the socket, and the answer with it.
   */
  #keepReadingAfterWriteErrors(): void {
    const socket = this.#socket;
    const destroy = socket.destroy;
    socket.destroy = (error?: Error) => {
      const isWriteError = (error as NodeJS.ErrnoException | undefined)?.syscall === 'write';
      // Of a write that was under way when the first one failed.
      if (isWriteError && this.#isDeaf) return socket;
      if (!isWriteError || socket.readableEnded || this.#error !== null) return destroy.call(socket, error);
      this.#isDeaf = true;
      this.#error = error as NodeJS.ErrnoException;
      setTimeout(() => destroy.call(socket), LAST_READ_MS).unref();
      return socket;
    };
  }

  readonly #nextBuffer = (): Buffer => {
    this.#readBuffer = this.#ownBuffer ?? SHARED_READ_BUFFER;
    return this.#readBuffer;
  };

  readonly #onRead = (length: number): boolean => {
    this.#isReading = true;
    this.#events.onRead(this.#readBuffer, length);
    this.#isReading = false;
    return true;
  };

  readonly #onFlushed = (error?: Error | null): void => {
    if (!error) this.#events.onFlushed();
  };
}
