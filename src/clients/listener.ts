import net from 'node:net';
import { acceptHandles } from '../core/accept-handles.ts';
import type { PausableListener } from './accept-pause.ts';
import type { ClientConnection, ClientContext } from './client-context.ts';
import { holdNumber } from './held-numbers.ts';
import { refuseInWords } from './refused-connection.ts';

/** Where to listen. */
export interface ListenOptions {
  /** null = the unspecified address, IPv6 and IPv4. */
  readonly host: string | null;
  /** 0 = any free port. */
  readonly port: number;
  /** Unix socket; then host and port mean nothing. */
  readonly path: string | null;
  /** Of a Unix socket: 1 = everybody may read, 2 = everybody may write, 3 = both. */
  readonly pathMode?: number;
  readonly ipv6Only: boolean;
  /** Others may listen on the same port, each with a queue of its own in the kernel. */
  readonly reusePort: boolean;
  /** Connections that the kernel holds for us; 0 = Node's default of 511. */
  readonly backlog: number;
}

/** What is made of an accepted handle: one of the kinds of connection. */
export type ConnectionClass = new (handle: object, context: ClientContext) => ClientConnection;

/** A listening socket and the connections it makes. */
export class Listener implements PausableListener {
  /** Unique in its thread. */
  readonly id: number;
  #context: ClientContext;
  #connectionClass: ConnectionClass;
  #server: net.Server = net.createServer();
  /** The descriptor is another thread's to close. */
  #isBorrowed = false;
  /** Other threads have borrowed its descriptor, or may have. */
  #isLent = false;
  /** Where it listens by itself, so that it may be paused. */
  #options: ListenOptions | null = null;
  #isPaused = false;
  #isClosed = false;
  /** Who gets what is accepted here; null = nobody else. */
  #successor: Listener | null = null;
  #accepted = 0;

  constructor(context: ClientContext, connectionClass: ConnectionClass) {
    this.id = context.listenerId;
    this.#context = context;
    this.#connectionClass = connectionClass;
  }

  /** What is made of connections from now on. */
  serve(context: ClientContext, connectionClass: ConnectionClass): void {
    this.#context = context;
    this.#connectionClass = connectionClass;
  }

  /** The listening descriptor, -1 while there is none. Threads of a process share descriptors. */
  get descriptor(): number {
    return (this.handle as { readonly fd: number } | null)?.fd ?? -1;
  }

  get handle(): object | null {
    return (this.#server as unknown as { readonly _handle: object | null })._handle;
  }

  /** Connections so far, those included that were not let in. */
  get accepted(): number {
    return this.#accepted;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @returns the address it is bound to; rejects with the system's error (EADDRINUSE, EACCES, ...): it may be tried again. */
  listen(options: ListenOptions): Promise<net.AddressInfo | string> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      const onListening = (): void => {
        server.off('error', onError);
        const address = server.address()!;
        // It was too early to close it.
        if (this.#isClosed) server.close();
        else this.#acceptFrom(server);
        resolve(address);
      };
      const onError = (error: Error): void => {
        server.off('listening', onListening);
        reject(error);
      };
      server.once('error', onError);
      server.once('listening', onListening);
      const backlog = options.backlog === 0 ? {} : { backlog: options.backlog };
      if (options.path !== null) {
        const { path, pathMode = 0 } = options;
        server.listen({ path, readableAll: (pathMode & 1) !== 0, writableAll: (pathMode & 2) !== 0, ...backlog });
      } else {
        const host = options.host === null ? {} : { host: options.host };
        const { port, ipv6Only, reusePort } = options;
        // Older than Node's types for it.
        server.listen({
          port,
          ipv6Only,
          ...(reusePort ? { reusePort } : {}),
          ...host,
          ...backlog,
        } as net.ListenOptions);
      }
    });
  }

  /** Accepts on a descriptor that another thread has opened, and closes. */
  async adopt(descriptor: number): Promise<void> {
    this.#isBorrowed = true;
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ fd: descriptor }, () => {
        server.off('error', reject);
        this.#acceptFrom(server);
        resolve();
      });
    });
  }

  /** Other threads may accept on its descriptor from now on. */
  lend(): void {
    this.#isLent = true;
  }

  /** It is closed, and cannot let go of the descriptor that it has borrowed: what it accepts there is another's from now on. */
  passOnTo(successor: Listener): void {
    this.#successor = successor;
    successor.#isBorrowed = true;
  }

  /** Accepts on a descriptor that was passed to this process, and closes it in the end. */
  async take(descriptor: number): Promise<void> {
    await this.adopt(descriptor);
    this.#isBorrowed = false;
  }

  /**
   * From now on it may be paused.
   *
   * @param port where it listens by now. Not for Unix sockets, whose path goes with them, and not where its descriptor is
   *   another thread's as well.
   */
  allowPause(options: ListenOptions, port: number): void {
    this.#options = { ...options, port };
    this.#context.pause?.add(this);
  }

  pause(): void {
    this.#isPaused = true;
    this.#server.close();
  }

  async resume(handle: object | null): Promise<void> {
    if (!this.#isPaused) {
      (handle as { close(): void } | null)?.close();
      return;
    }
    const options = this.#options!;
    this.#server = net.createServer();
    if (handle === null) await this.listen(options);
    else await this.#listenOn(handle, options);
    this.#isPaused = false;
    if (this.#isClosed) this.#server.close();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#options !== null) this.#context.pause?.remove(this);
    if (this.#isPaused) {
      this.#isPaused = false;
      return;
    }
    // Closing a borrowed descriptor would close whatever has got its number once its owner has closed it.
    if (this.#isBorrowed) {
      this.#server.unref();
      return;
    }
    const { descriptor } = this;
    this.#server.close();
    if (this.#isLent && descriptor !== -1) holdNumber(descriptor);
  }

  #listenOn(handle: object, options: ListenOptions): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(handle, options.backlog === 0 ? undefined : options.backlog, () => {
        server.off('error', reject);
        this.#acceptFrom(server);
        resolve();
      });
    });
  }

  #acceptFrom(server: net.Server): void {
    server.on('error', () => {});
    acceptHandles(
      server,
      (handle) => this.#accept(handle),
      // No descriptor was left (EMFILE), though some were kept back for other things. libuv has closed the client's.
      () => this.#context.pause?.exhausted(),
    );
  }

  #accept(handle: object): void {
    if (this.#successor !== null) {
      this.#successor.#accept(handle);
      return;
    }
    this.#accepted++;
    (handle as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    const context = this.#context;
    const { admission } = context;
    // The app's own limit, at which Node says nothing.
    if (context.connections >= context.connectionLimit()) {
      (handle as { close(): void }).close();
      return;
    }
    const address = admission === null ? '' : admission.addressOf(handle);
    if (admission === null || admission.refusalOf(address) === null) {
      const { id } = new this.#connectionClass(handle, context);
      admission?.added(id, address);
      context.pause?.looked();
      return;
    }
    context.pause?.looked();
    if (context.speaksHttp) {
      refuseInWords(handle);
    } else {
      (handle as { close(): void }).close();
    }
  }
}
