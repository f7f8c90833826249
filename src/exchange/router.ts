import type { Dispatcher } from './dispatcher.ts';

/** One pattern and where it leads. */
export interface RouteEntry {
  /** Lower case; null = any. `*.` at the start stands for one or more labels. */
  readonly host: string | null;
  /** Prefix by whole segments, without a slash at its end; empty = all. */
  readonly path: string;
  readonly dispatcher: Dispatcher;
}

/**
 * Finds the pool for a request on a port that several share. An exact host comes before a pattern, a longer pattern
 * before a shorter one, any host last; among those of one host the longest path. Paths are compared as they are written
 * in the request, so `/api%2Fx` is not below `/api`.
 */
export class Router {
  /** Best first. */
  #entries: readonly RouteEntry[] = [];
  /** Where all requests lead, whatever they ask for; null when that depends. */
  #only: Dispatcher | null = null;

  /** Where all requests lead; null when host and path decide. */
  get only(): Dispatcher | null {
    return this.#only;
  }

  /** Of the best entry; null when there is none. What is not about a request as such goes there. */
  get first(): Dispatcher | null {
    return this.#entries[0]?.dispatcher ?? null;
  }

  /** Replaces all entries. */
  set(entries: readonly RouteEntry[]): void {
    this.#entries = [...entries].sort(byPrecedence);
    const [first] = this.#entries;
    this.#only = this.#entries.length === 1 && first!.host === null && first!.path === '' ? first!.dispatcher : null;
  }

  /**
   * @param host of the request, with or without a port
   * @param target origin-form or absolute-form; what follows `?` does not count
   * @returns null when no entry is for it
   */
  route(host: string, target: string): Dispatcher | null {
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
    const name = hostName(absolute?.[1] ?? host);
    const path = absolute === null ? target : absolute[2]!;
    for (const entry of this.#entries)
      if (hostFits(entry.host, name) && pathFits(entry.path, path)) return entry.dispatcher;
    return null;
  }
}

function byPrecedence(a: RouteEntry, b: RouteEntry): number {
  return rank(b.host) - rank(a.host) || b.path.length - a.path.length;
}

function rank(host: string | null): number {
  if (host === null) return 0;
  return host.startsWith('*.') ? host.length : 1000 + host.length;
}

/** Without a port, and without the dot that a full name may end with; lower case. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}

function hostFits(pattern: string | null, host: string): boolean {
  if (pattern === null) return true;
  return pattern.startsWith('*.') ? host.length >= pattern.length && host.endsWith(pattern.slice(1)) : host === pattern;
}

function pathFits(prefix: string, target: string): boolean {
  if (prefix === '') return true;
  if (!target.startsWith(prefix)) return false;
  const next = target[prefix.length];
  return next === undefined || next === '/' || next === '?' || next === '#';
}
