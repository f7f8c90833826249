import type { FromBalancer } from '../channel/messages.ts';
import type { SupervisorEvent } from './events.ts';

/** A message of a balancer thread about one that it has taken out, or takes back. */
export type EjectionMessage = Extract<FromBalancer, { type: 'endpoint-ejected' | 'endpoint-returned' }>;

interface Place {
  readonly worker: number | null;
  readonly server: string | null;
}

/** One that is out, in one thread at least. */
interface Ejected {
  readonly pool: string;
  readonly endpoint: string;
  /** What it is. Of a pool that is taken out while it has one out nobody knows that any more. */
  readonly place: Place;
  readonly detail: string;
  readonly sinceMs: number;
  readonly threads: Set<number>;
}

/** Which workers and servers balancer threads have taken out for failing requests, put together from what all threads say. */
export class Ejections {
  readonly #emit: (event: SupervisorEvent) => void;
  /** Whether a pool's endpoints are workers. */
  readonly #hasWorkers: (pool: string) => boolean;
  readonly #out = new Map<string, Ejected>();
  /** By pool, and in that by cause. */
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(hasWorkers: (pool: string) => boolean, emit: (event: SupervisorEvent) => void) {
    this.#hasWorkers = hasWorkers;
    this.#emit = emit;
  }

  /** Why it is out; null = it is not. @param endpoint a worker's slot, or a server as in the options */
  reasonOf(pool: string, endpoint: string): string | null {
    return this.#out.get(keyOf(pool, endpoint))?.detail ?? null;
  }

  /** So far. */
  counts(): { app: string; cause: string; count: number }[] {
    return [...this.#counts].flatMap(([app, causes]) => [...causes].map(([cause, count]) => ({ app, cause, count })));
  }

  threadSaid(thread: number, message: EjectionMessage): void {
    if (message.type === 'endpoint-ejected') this.#ejected(thread, message);
    else this.#returned(thread, message.pool, message.endpoint, message.cause);
  }

  /** The one that follows it begins with all of them. */
  threadDied(thread: number): void {
    for (const { pool, endpoint } of [...this.#out.values()]) this.#returned(thread, pool, endpoint, 'gone');
  }

  #ejected(thread: number, message: Extract<EjectionMessage, { type: 'endpoint-ejected' }>): void {
    const { pool, endpoint, cause, detail, forMs, times, failed, requests } = message;
    const known = this.#out.get(keyOf(pool, endpoint));
    if (known !== undefined) {
      known.threads.add(thread);
      return;
    }
    const counts = this.#counts.get(pool) ?? new Map<string, number>();
    this.#counts.set(pool, counts);
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
    const sinceMs = performance.now();
    const place = this.#placeOf(pool, endpoint);
    this.#out.set(keyOf(pool, endpoint), { pool, endpoint, place, detail, sinceMs, threads: new Set([thread]) });
    this.#emit({
      ...{ type: 'endpoint-ejected', app: pool, ...place },
      ...{ cause, detail, forMs, times, failed, requests },
    });
  }

  #returned(thread: number, pool: string, endpoint: string, cause: 'time' | 'panic' | 'gone'): void {
    const known = this.#out.get(keyOf(pool, endpoint));
    if (known === undefined || !known.threads.delete(thread) || known.threads.size > 0) return;
    this.#out.delete(keyOf(pool, endpoint));
    const afterMs = performance.now() - known.sinceMs;
    this.#emit({ type: 'endpoint-returned', app: pool, ...known.place, cause, afterMs });
  }

  #placeOf(pool: string, endpoint: string): Place {
    return this.#hasWorkers(pool) ? { worker: Number(endpoint), server: null } : { worker: null, server: endpoint };
  }
}

function keyOf(pool: string, endpoint: string): string {
  return `${pool} ${endpoint}`;
}
