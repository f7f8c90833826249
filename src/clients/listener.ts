import net from 'node:net';
import { acceptHandles } from '../core/accept-handles.ts';
import type { ClientContext } from './client-context.ts';
import { Http1Connection } from './http1-connection.ts';

/** Where to listen. */
export interface ListenOptions {
  /** null = the unspecified address, IPv6 and IPv4. */
  readonly host: string | null;
  /** 0 = any free port. */
  readonly port: number;
  /** Unix socket; then host and port mean nothing. */
  readonly path: string | null;
  readonly ipv6Only: boolean;
  /** Connections that the kernel holds for us; 0 = Node's default of 511. */
  readonly backlog: number;
}

/** A listening socket and the connections it makes. */
export class Listener {
  readonly #server: net.Server;
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#server = net.createServer();
  }

  /** @returns the address it is bound to; rejects with the system's error (EADDRINUSE, EACCES, ...). */
  listen(options: ListenOptions): Promise<net.AddressInfo | string> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        server.on('error', () => {});
        acceptHandles(
          server,
          (handle) => this.#accept(handle),
          () => {},
        );
        resolve(server.address()!);
      });
      const backlog = options.backlog === 0 ? {} : { backlog: options.backlog };
      if (options.path !== null) {
        server.listen({ path: options.path, ...backlog });
      } else {
        const host = options.host === null ? {} : { host: options.host };
        server.listen({ port: options.port, ipv6Only: options.ipv6Only, ...host, ...backlog });
      }
    });
  }

  close(): void {
    this.#server.close();
  }

  #accept(handle: object): void {
    (handle as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    new Http1Connection(handle, this.#context);
  }
}
