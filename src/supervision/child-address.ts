import net from 'node:net';
import { join } from 'node:path';

/** Where one child of another language is to listen. */
export interface ChildAddress {
  /** As in the options of a pool: `http://127.0.0.1:4711`, `unix:/run/...`. */
  readonly url: string;
  /** What tells the child so. */
  readonly env: Readonly<Record<string, string>>;
}

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

  /**
   * One that nothing listens on, and that was given to nobody who has yet to. Listening without a host is done when the call
   * returns, and so is closing.
   */
  #freePort(): number {
    for (;;) {
      const server = net.createServer().listen(0);
      const { port } = server.address() as net.AddressInfo;
      server.close();
      if (!this.#ports.has(port)) return port;
    }
  }
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
