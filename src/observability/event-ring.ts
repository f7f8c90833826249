/** Something that was told, numbered. */
export interface Recorded<T> {
  readonly id: number;
  /** ISO 8601. */
  readonly time: string;
  readonly event: T;
}

/**
 * The last events, numbered. Numbers begin at the wall clock's milliseconds, so that they go on growing when the instance
 * is started anew: whoever comes back with one of before gets all that there is.
 */
export class EventRing<T> {
  readonly #limit: number;
  readonly #events: Recorded<T>[] = [];
  readonly #listeners = new Set<(event: Recorded<T>) => void>();
  #lastId: number = Date.now();

  /** @param limit how many are kept */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(event: T): Recorded<T> {
    this.#lastId++;
    const recorded = { id: this.#lastId, time: new Date().toISOString(), event };
    this.#events.push(recorded);
    if (this.#events.length > this.#limit) this.#events.shift();
    for (const listener of this.#listeners) listener(recorded);
    return recorded;
  }

  /** Those after an id that are still known, oldest first. */
  since(id: number): Recorded<T>[] {
    return this.#events.filter((event) => event.id > id);
  }

  /** Calls the listener with every event; the answer takes it off again. */
  subscribe(listener: (event: Recorded<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
