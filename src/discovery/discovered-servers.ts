import { isDeepStrictEqual } from 'node:util';
import type { ServerOptions, SourceOptions } from '../config/upstream.ts';
import { openSource } from './open-source.ts';
import type { OpenSource, Source } from './source.ts';

/** Of one source more are not taken. */
const MAX_SERVERS = 10_000;

/** How a source fares. */
export interface SourceFacts {
  /** As in the options. */
  readonly source: string;
  /** How many servers it names. */
  readonly servers: number;
  /** When it last said what there is; ISO 8601, null = never. */
  readonly updatedAt: string | null;
  /** What is wrong with it; empty = nothing. Then what it said last holds. */
  readonly error: string;
}

export interface DiscoveryObserver {
  /** The servers are others than before. */
  serversChanged(added: readonly string[], removed: readonly string[]): void;
  /**
   * A source cannot say what there is. Once for each reason.
   * @param isPartial of some of it only: the rest was taken
   */
  sourceFailed(source: string, reason: string, isPartial: boolean): void;
  /** It can again. */
  sourceWorks(source: string): void;
}

/** What one pool asks for: {@link ServerOptions} that are named, and places where more are found. */
export interface WantedServers {
  readonly servers: readonly ServerOptions[];
  readonly sources: readonly SourceOptions[];
}

interface OpenedSource {
  readonly options: SourceOptions;
  source: Source | null;
  servers: readonly ServerOptions[];
  updatedAt: Date | null;
  error: string;
}

/**
 * The servers of one pool, those named in the options and those that its sources have found. What a source has said holds
 * until it says something else: one that fails takes nothing away.
 */
export class DiscoveredServers {
  readonly #observer: DiscoveryObserver;
  readonly #open: OpenSource;
  #named: readonly ServerOptions[];
  /** By url, in the order of the options. */
  #sources = new Map<string, OpenedSource>();
  #servers: readonly ServerOptions[];

  constructor(wanted: WantedServers, observer: DiscoveryObserver, open: OpenSource = openSource) {
    this.#observer = observer;
    this.#open = open;
    this.#named = wanted.servers;
    this.#servers = wanted.servers;
    this.#openSources(wanted.sources);
  }

  /** Of every url one: what is named comes before what is found. */
  get servers(): readonly ServerOptions[] {
    return this.#servers;
  }

  get sources(): SourceFacts[] {
    return [...this.#sources.values()].map(({ options, servers, updatedAt, error }) => {
      return { source: options.url, servers: servers.length, updatedAt: updatedAt?.toISOString() ?? null, error };
    });
  }

  /** The source that a server is known by; null where the options name it. */
  sourceOf(url: string): string | null {
    if (this.#named.some((server) => server.url === url)) return null;
    const source = [...this.#sources.values()].find(({ servers }) => servers.some((server) => server.url === url));
    return source?.options.url ?? null;
  }

  /**
   * The options have been read again: sources that stay go on with what they know. Where none is known then, the servers of before
   * hold until a new source has said which there are.
   */
  configure(wanted: WantedServers): void {
    this.#named = wanted.servers;
    this.#openSources(wanted.sources);
    const merged = this.#merged();
    const isToHear = [...this.#sources.values()].some(({ updatedAt }) => updatedAt === null);
    if (merged.length > 0 || !isToHear) this.#servers = merged;
  }

  close(): void {
    for (const { source } of this.#sources.values()) source?.close();
    this.#sources.clear();
  }

  #openSources(wanted: readonly SourceOptions[]): void {
    const before = this.#sources;
    this.#sources = new Map();
    for (const options of wanted) {
      const known = before.get(options.url);
      if (known !== undefined && isDeepStrictEqual(known.options, options)) {
        before.delete(options.url);
        this.#sources.set(options.url, known);
        continue;
      }
      // Until it has looked anew, in another way, what it knew holds.
      const servers = known?.servers ?? [];
      const opened: OpenedSource = { options, source: null, servers, updatedAt: known?.updatedAt ?? null, error: '' };
      this.#sources.set(options.url, opened);
      opened.source = this.#open(options, {
        found: (servers, trouble = null) => this.#found(opened, servers, trouble),
        failed: (reason) => this.#failed(opened, reason, false),
      });
    }
    for (const { options, source, error } of before.values()) {
      source?.close();
      if (error !== '') this.#observer.sourceWorks(options.url);
    }
  }

  #found(opened: OpenedSource, servers: readonly ServerOptions[], trouble: string | null): void {
    if (this.#sources.get(opened.options.url) !== opened) return;
    opened.updatedAt = new Date();
    opened.servers = servers.slice(0, MAX_SERVERS);
    this.#update();
    const excess = servers.length > MAX_SERVERS ? `${servers.length} servers, of which ${MAX_SERVERS} are taken` : null;
    const reason = trouble ?? excess;
    if (reason !== null) this.#failed(opened, reason, true);
    else if (opened.error !== '') {
      opened.error = '';
      this.#observer.sourceWorks(opened.options.url);
    }
  }

  #failed(opened: OpenedSource, reason: string, isPartial: boolean): void {
    if (this.#sources.get(opened.options.url) !== opened || opened.error === reason) return;
    opened.error = reason;
    this.#observer.sourceFailed(opened.options.url, reason, isPartial);
  }

  #update(): void {
    const before = this.#servers;
    const after = this.#merged();
    if (isDeepStrictEqual(before, after)) return;
    this.#servers = after;
    const known = new Set(before.map(({ url }) => url));
    const left = new Set(after.map(({ url }) => url));
    this.#observer.serversChanged(
      after.map(({ url }) => url).filter((url) => !known.has(url)),
      before.map(({ url }) => url).filter((url) => !left.has(url)),
    );
  }

  #merged(): readonly ServerOptions[] {
    const merged = new Map<string, ServerOptions>();
    const found = [...this.#sources.values()].flatMap(({ servers }) => servers);
    for (const server of [...this.#named, ...found]) if (!merged.has(server.url)) merged.set(server.url, server);
    return Object.freeze([...merged.values()]);
  }
}
