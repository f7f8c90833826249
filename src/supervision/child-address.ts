import net from 'node:net';
import { join } from 'node:path';

/** Where one child of another language is to listen. */
export interface ChildAddress {
  /** As in the options of a pool: `http://127.0.0.1:4711`, `unix:/run/...`. */
  readonly url: string;
  /** What tells the child so. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where none is to be had: one of those that the system gives out by itself. RFC 6335 section 6 */
const FIRST_DYNAMIC_PORT = 49_152;
const DYNAMIC_PORTS = 16_384;

/** Between two attempts to connect to a child that is starting. */
const RETRY_MS = 50;

/** Gives each child an address that no other has. */
export class ChildAddresses {
  readonly #folder: string;
  readonly #ports = new Set<number>();
  #sockets = 0;

  /** @param folder for sockets; private */
  constructor(folder: string) {
    this.#folder = folder;
  }

  allocate(kind: 'port' | 'socket'): ChildAddress {
    if (kind === 'socket') {
      const path = join(this.#folder, `c${++this.#sockets}`);
      return { url: `unix:${path}`, env: { SOCKET: path } };
    }
    const port = this.#freePort();
    this.#ports.add(port);
    return { url: `http://127.0.0.1:${port}`, env: { PORT: String(port), HOST: '127.0.0.1' } };
  }

  /** Its child has ended. */
  release({ url }: ChildAddress): void {
    if (!url.startsWith('unix:')) this.#ports.delete(Number(new URL(url).port));
  }

  /** One that nothing listens on, and that was given to nobody who has yet to. */
  #freePort(): number {
    for (;;) {
      const port = unusedPort() ?? FIRST_DYNAMIC_PORT + Math.floor(Math.random() * DYNAMIC_PORTS);
      if (!this.#ports.has(port)) return port;
    }
  }
}

/**
 * Listening without a host is done when the call returns, and so is closing.
 * @returns null where no descriptor, or no port, is left: whatever was to listen there fails by itself, and is tried again
 */
function unusedPort(): number | null {
  const server = net.createServer();
  server.on('error', () => {});
  server.listen(0);
  const address = server.address() as net.AddressInfo | null;
  server.close();
  return address === null ? null : address.port;
}

/** Resolves when something accepts connections there: true, or when it is given up: false. */
export async function whenAccepting({ url }: ChildAddress, signal: AbortSignal): Promise<boolean> {
  const where = url.startsWith('unix:')
    ? { path: url.slice(5) }
    : { host: '127.0.0.1', port: Number(new URL(url).port) };
  while (!signal.aborted) {
    if (await accepts(where)) return !signal.aborted;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return false;
}

function accepts(where: net.NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(where);
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
