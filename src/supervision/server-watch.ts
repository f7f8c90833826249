import { isDeepStrictEqual } from 'node:util';
import type { ListenerAddress, ServerState } from '../channel/messages.ts';
import type { ServersOptions } from '../config/options.ts';
import type { PoolMessage } from './balancer-threads.ts';
import type { SupervisorEvent } from './events.ts';

/** Where a server stands, put together from what all threads say. */
export interface ServerFacts {
  /** As in the options. */
  readonly server: string;
  readonly state: ServerState;
  /** Empty for up. */
  readonly reason: string;
}

/** One pool of servers as the supervisor knows it: where it is reached, and which of its servers are there. */
export class ServerWatch {
  #options: ServersOptions;
  readonly #emit: (event: SupervisorEvent) => void;
  /** By server, and in that by thread: what is wrong with it. */
  readonly #faults = new Map<string, Map<number, { state: ServerState; reason: string }>>();
  #address: ListenerAddress | null = null;
  #failure: string | null = null;

  constructor(options: ServersOptions, emit: (event: SupervisorEvent) => void) {
    this.#options = options;
    this.#emit = emit;
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
    return this.#options.servers.map(({ url }) => this.#factsOf(url));
  }

  configure(options: ServersOptions): void {
    // Reached elsewhere it is opened anew, and may fail.
    if (!isDeepStrictEqual(options.listen, this.#options.listen)) this.#address = null;
    this.#options = options;
    this.#failure = null;
    const urls = new Set(options.servers.map(({ url }) => url));
    for (const url of [...this.#faults.keys()]) if (!urls.has(url)) this.#faults.delete(url);
  }

  threadSaid(thread: number, message: PoolMessage): void {
    switch (message.type) {
      case 'pool-listening':
        if (this.#address === null) this.#emit({ type: 'listening', address: message.listener });
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

  #serverSaid(thread: number, server: string, state: ServerState, reason: string): void {
    if (!this.#options.servers.some(({ url }) => url === server)) return;
    const before = this.#factsOf(server).state;
    const faults = this.#faults.get(server) ?? new Map<number, { state: ServerState; reason: string }>();
    this.#faults.set(server, faults);
    if (state === 'up') faults.delete(thread);
    else faults.set(thread, { state, reason });
    const { state: after } = this.#factsOf(server);
    if (after === before) return;
    const pool = this.#options.name;
    if (after === 'up') this.#emit({ type: 'server-up', pool, server });
    else this.#emit({ type: 'server-down', pool, server, state: after, reason: this.#factsOf(server).reason });
  }

  #factsOf(server: string): ServerFacts {
    const [fault] = this.#faults.get(server)?.values() ?? [];
    return { server, state: fault?.state ?? 'up', reason: fault?.reason ?? '' };
  }
}
