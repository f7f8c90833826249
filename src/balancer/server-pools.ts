import { isDeepStrictEqual } from 'node:util';
import type { PoolSettings, ServersSettings } from '../channel/messages.ts';
import type { ServerOptions } from '../config/upstream.ts';
import type { ListenRequest, ServerLimits } from '../link/frames.ts';
import { addressOf, type Ports } from './ports.ts';
import { ServerPool, type ServerPoolHost } from './server-pool.ts';

/** Clients of servers, which tell us nothing of the limits they have for clients of their own. */
export const SERVER_LIMITS: ServerLimits = Object.freeze({
  headersTimeoutMs: 60_000,
  // An upload may take as long as it likes while it goes on.
  requestTimeoutMs: 0,
  bodyTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  keepAliveBufferMs: 0,
  idleTimeoutMs: 0,
  maxHeadBytes: 32 * 1024,
  maxFields: 0,
  maxConnections: null,
  requireHost: true,
  handlesClientError: false,
});

type ServersPool = PoolSettings & { readonly servers: ServersSettings };

/** All pools of servers of a thread. They are there from the beginning, and listen by themselves. */
export class ServerPools {
  readonly #ports: Ports;
  readonly #host: ServerPoolHost;
  readonly #pools = new Map<string, { readonly pool: ServerPool; readonly servers: ServersSettings }>();
  /** By pool, what was found last; it may be told before the pool is there. */
  readonly #found = new Map<string, readonly ServerOptions[]>();

  constructor(ports: Ports, host: ServerPoolHost) {
    this.#ports = ports;
    this.#host = host;
  }

  /** These are the pools from now on; {@link Ports} knows of them. */
  configure(settings: readonly PoolSettings[]): void {
    const pools = settings.filter(hasServers);
    const areFound = new Set(pools.filter(({ servers }) => servers.areFound).map(({ name }) => name));
    for (const name of [...this.#found.keys()]) if (!areFound.has(name)) this.#found.delete(name);
    const wanted = new Map(pools.map((pool) => [pool.name, this.#withFound(pool)]));
    for (const [name, { pool, servers }] of [...this.#pools]) {
      const next = wanted.get(name);
      if (next !== undefined && isDeepStrictEqual(next.servers.listen, servers.listen)) continue;
      this.#pools.delete(name);
      pool.drain();
      this.#ports.leave(pool.place);
    }
    for (const pool of wanted.values()) {
      const known = this.#pools.get(pool.name);
      if (known === undefined) this.#add(pool);
      else known.pool.configure(pool);
    }
  }

  /** All servers of a pool, named and found. */
  setServers(name: string, servers: readonly ServerOptions[]): void {
    this.#found.set(name, servers);
    this.#pools.get(name)?.pool.update(servers);
  }

  step(nowMs: number): void {
    for (const { pool } of this.#pools.values()) pool.step(nowMs);
  }

  close(): void {
    for (const { pool } of this.#pools.values()) pool.close();
  }

  #withFound(pool: ServersPool): ServersPool {
    const found = this.#found.get(pool.name);
    return found === undefined ? pool : { ...pool, servers: { ...pool.servers, servers: found } };
  }

  #add(settings: ServersPool): void {
    const { name } = settings;
    const { host, port, path } = settings.servers.listen;
    const request: ListenRequest = {
      host,
      port,
      path,
      pathMode: 0,
      opened: null,
      backlog: 0,
      ipv6Only: false,
      protocol: 'http',
      server: SERVER_LIMITS,
    };
    const place = this.#ports.placeFor(name, request, 0);
    if (place === null) {
      const where = path ?? `${host ?? '*'}:${port}`;
      const message = `${where} is taken by another app or pool with the same route`;
      this.#host.tell({ type: 'pool-listen-failed', pool: name, code: 'EADDRINUSE', message });
      return;
    }
    const pool = new ServerPool(place, settings, this.#host);
    this.#pools.set(name, { pool, servers: settings.servers });
    this.#ports.whenOpened(place.port, (answer) => {
      if (!answer.ok) {
        this.#host.tell({ type: 'pool-listen-failed', pool: name, code: answer.code, message: withWayOut(answer) });
        return;
      }
      this.#host.tell({ type: 'pool-listening', pool: name, listener: addressOf(answer, 'http') });
    });
  }
}

function hasServers(pool: PoolSettings): pool is ServersPool {
  return pool.servers !== null;
}

function withWayOut({ code, message }: { readonly code: string; readonly message: string }): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${message}; choose another port, or stop what listens there`;
    case 'EACCES':
      return `${message}; choose a port from 1024 up, or grant the right to Node (setcap cap_net_bind_service=+ep)`;
    default:
      return message;
  }
}
