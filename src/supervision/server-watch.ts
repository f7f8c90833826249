import { isDeepStrictEqual } from 'node:util';
import type { ListenerAddress, ServerState } from '../channel/messages.ts';
import type { ServersOptions } from '../config/options.ts';
import type { ServerOptions } from '../config/upstream.ts';
import { DiscoveredServers, type SourceFacts } from '../discovery/discovered-servers.ts';
import type { PoolMessage } from './balancer-threads.ts';
import type { SupervisorEvent } from './events.ts';

/** Where a server stands, put together from what all threads say. */
export interface ServerFacts {
  /** As in the options, or as it was found. */
  readonly server: string;
  /** The source that it was found by, as in the options; null where they name it. */
  readonly source: string | null;
  readonly state: ServerState;
  /** Empty for up. */
  readonly reason: string;
}

/** A pool of servers as it is now; plain data. */
export interface PoolView {
  readonly pool: string;
  /** Where it is reached; null while it is not. */
  readonly address: ListenerAddress | null;
  readonly servers: readonly ServerFacts[];
  readonly sources: readonly SourceFacts[];
}

export interface ServerWatchHost {
  emit(event: SupervisorEvent): void;
  /** All servers of a pool, named and found. */
  setServers(pool: string, servers: readonly ServerOptions[]): void;
}

/** One pool of servers as the supervisor knows it: where it is reached, which servers it has, and which of them are there. */
export class ServerWatch {
  #options: ServersOptions;
  readonly #host: ServerWatchHost;
  readonly #found: DiscoveredServers;
  /** By server, and in that by thread: what is wrong with it. */
  readonly #faults = new Map<string, Map<number, { state: ServerState; reason: string }>>();
  #address: ListenerAddress | null = null;
  #failure: string | null = null;
  /** A reload has brought it, and its sources have named no server yet. */
  #isAwaited: boolean;

  /** @param isNew a reload has brought it */
  constructor(options: ServersOptions, host: ServerWatchHost, isNew: boolean) {
    this.#options = options;
    this.#host = host;
    const pool = options.name;
    this.#found = new DiscoveredServers(options, {
      serversChanged: (added, removed) => {
        this.#isAwaited = false;
        this.#forgetMissing();
        host.emit({ type: 'servers-changed', pool, added, removed, servers: this.#found.servers.length });
        this.tellServers();
      },
      sourceFailed: (source, reason, isPartial) =>
        host.emit({ type: 'source-failed', pool, source, reason, isPartial }),
      sourceWorks: (source) => host.emit({ type: 'source-works', pool, source }),
    });
    this.#isAwaited = isNew && options.servers.length === 0;
  }

  get options(): ServersOptions {
    return this.#options;
  }

  /** Where it is reached; null while it is not. */
  get address(): ListenerAddress | null {
    return this.#address;
  }

  /** Why its address could not be opened. */
  get failure(): string | null {
    return this.#failure;
  }

  get servers(): ServerFacts[] {
    return this.#found.servers.map(({ url }) => this.#factsOf(url));
  }

  /** None of its servers is up. Of one that a reload has brought not until it has had any: others serve as before. */
  get isDown(): boolean {
    return !this.#isAwaited && this.servers.every(({ state }) => state !== 'up');
  }

  /** How its sources fare. */
  get sources(): SourceFacts[] {
    return this.#found.sources;
  }

  get view(): PoolView {
    const address = this.#address === null ? null : { ...this.#address };
    return { pool: this.#options.name, address, servers: this.servers, sources: this.sources };
  }

  /** To be called when balancer threads know the options anew; where all servers are named they know them. */
  tellServers(): void {
    const { name, sources } = this.#options;
    if (sources.length > 0) this.#host.setServers(name, this.#found.servers);
  }

  configure(options: ServersOptions): void {
    // Reached elsewhere it is opened anew, and may fail.
    if (!isDeepStrictEqual(options.listen, this.#options.listen)) this.#address = null;
    this.#options = options;
    this.#failure = null;
    this.#found.configure(options);
    this.#forgetMissing();
  }

  close(): void {
    this.#found.close();
  }

  threadSaid(thread: number, message: PoolMessage): void {
    switch (message.type) {
      case 'pool-listening':
        if (this.#address === null) this.#host.emit({ type: 'listening', address: message.listener });
        this.#address = message.listener;
        break;
      case 'pool-listen-failed':
        this.#failure = `cannot listen for ${message.pool}: ${message.message}`;
        break;
      case 'server-state':
        this.#serverSaid(thread, message.server, message.state, message.reason);
        break;
      case 'endpoint-ejected':
      case 'endpoint-returned':
        // Told of workers and servers alike: see `ejections.ts`.
        break;
    }
  }

  /** What it knew is gone with it. */
  threadDied(thread: number): void {
    for (const server of [...this.#faults.keys()]) this.#serverSaid(thread, server, 'up', '');
  }

  #forgetMissing(): void {
    const urls = new Set(this.#found.servers.map(({ url }) => url));
    for (const [server, faults] of [...this.#faults]) {
      if (urls.has(server)) continue;
      this.#faults.delete(server);
      // Nobody will say so any more.
      if (faults.size > 0) this.#host.emit({ type: 'server-gone', pool: this.#options.name, server });
    }
  }

  #serverSaid(thread: number, server: string, state: ServerState, reason: string): void {
    if (state === 'up' && this.#faults.get(server)?.has(thread) !== true) return;
    if (!this.#found.servers.some(({ url }) => url === server)) return;
    const before = this.#factsOf(server).state;
    const faults = this.#faults.get(server) ?? new Map<number, { state: ServerState; reason: string }>();
    this.#faults.set(server, faults);
    if (state === 'up') faults.delete(thread);
    else faults.set(thread, { state, reason });
    const { state: after } = this.#factsOf(server);
    if (after === before) return;
    const pool = this.#options.name;
    if (after === 'up') this.#host.emit({ type: 'server-up', pool, server });
    else this.#host.emit({ type: 'server-down', pool, server, state: after, reason: this.#factsOf(server).reason });
  }

  #factsOf(server: string): ServerFacts {
    const [fault] = this.#faults.get(server)?.values() ?? [];
    return { server, source: this.#found.sourceOf(server), state: fault?.state ?? 'up', reason: fault?.reason ?? '' };
  }
}
