import { isDeepStrictEqual } from 'node:util';
import type { EtcdAddress } from '../config/source.ts';
import { readFoundServer, type ServerOptions } from '../config/upstream.ts';
import { type Rng, XorShift } from '../core/rng.ts';
import { EtcdClient, type KeyValue } from './etcd-client.ts';
import { retryDelayMs } from './retry.ts';
import type { Source, SourceObserver } from './source.ts';

/** A watch may be silent for long, and a dead member looks the same: the list is read now and then all the same. */
const LOOK_MS = 10_000;

/**
 * Servers under a prefix of keys in etcd: listed once, then watched from that revision on. When the watch ends, or tells
 * that its revision was compacted away, they are listed again.
 */
export class EtcdSource implements Source {
  readonly #prefix: string;
  readonly #defaults: ServerOptions;
  readonly #observer: SourceObserver;
  readonly #rng: Rng;
  readonly #client: EtcdClient | null = null;
  /** By key; values as they are written. */
  #values = new Map<string, string>();
  #failures = 0;
  /** What is wrong with the watch, though lists can be had; null = nothing. */
  #trouble: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  #unwatch: (() => void) | null = null;
  #isListing = false;
  #hasListed = false;
  #isClosed = false;

  constructor(address: EtcdAddress, defaults: ServerOptions, observer: SourceObserver, rng: Rng = new XorShift()) {
    // /services/api is not to find /services/api2.
    this.#prefix = `${address.prefix}/`;
    this.#defaults = defaults;
    this.#observer = observer;
    this.#rng = rng;
    try {
      this.#client = new EtcdClient(address);
      void this.#list();
    } catch (error) {
      setImmediate(() => this.#isClosed || observer.failed((error as Error).message));
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#client?.close();
  }

  async #list(): Promise<void> {
    if (this.#isListing) return;
    this.#isListing = true;
    try {
      const { revision, pairs } = await this.#client!.list(this.#prefix);
      if (this.#isClosed) return;
      this.#isListing = false;
      this.#hasListed = true;
      this.#listed(revision, pairs);
    } catch (error) {
      this.#isListing = false;
      this.#failed((error as Error).message);
    }
  }

  #listed(revision: bigint, pairs: readonly KeyValue[]): void {
    const listed = new Map(pairs.map(({ key, value }) => [key, value]));
    // Otherwise the watch has told all of it. Where it has told more, it tells it once again.
    if (this.#unwatch === null || !isDeepStrictEqual(listed, this.#values)) {
      this.#unwatch?.();
      this.#values = listed;
      this.#unwatch = this.#watch(revision + 1n);
    }
    this.#tell();
    this.#again(LOOK_MS);
  }

  #watch(from: bigint): () => void {
    return this.#client!.watch(this.#prefix, from, {
      onEvent: (kind, { key, value }) => {
        if (kind === 'put') this.#values.set(key, value);
        else this.#values.delete(key);
      },
      onTold: () => {
        this.#failures = 0;
        this.#trouble = null;
        this.#tell();
      },
      onEnd: (reason, isCompacted) => {
        this.#unwatch = null;
        // Nothing is wrong then but that we were away for long.
        if (isCompacted) void this.#list();
        else this.#failed(reason);
      },
    });
  }

  #failed(reason: string): void {
    if (this.#isClosed) return;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#failures++;
    // The first end of a watch may be no more than that of a connection.
    if (this.#failures > 1 || !this.#hasListed) {
      this.#trouble = reason;
      this.#observer.failed(reason);
    }
    this.#again(retryDelayMs(this.#failures, this.#rng));
  }

  #again(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#list(), delayMs);
  }

  #tell(): void {
    const servers: ServerOptions[] = [];
    const bad: string[] = [];
    for (const [key, text] of [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const server = readFoundServer(readValue(text), this.#defaults);
      if (typeof server === 'string') bad.push(`${key}: ${server}`);
      else servers.push(server);
    }
    const more = bad.length > 1 ? `; ${bad.length - 1} more like it` : '';
    const leftOut = bad.length > 0 ? `${bad[0]}${more}` : null;
    this.#observer.found(servers, this.#trouble ?? leftOut);
  }
}

/** A url, or an object in JSON. */
function readValue(text: string): unknown {
  if (!text.trim().startsWith('{')) return text.trim();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
