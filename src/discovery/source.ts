import type { ServerOptions, SourceOptions } from '../config/upstream.ts';

/** A place where servers are found. It begins to look when it is made, and goes on until it is closed. */
export interface Source {
  close(): void;
}

/** What a source tells. Neither is called once it is closed. */
export interface SourceObserver {
  /**
   * All servers that there are now. What was told before holds until this is called again.
   * @param trouble what is wrong with some of it, which was left out; null = nothing
   */
  found(servers: readonly ServerOptions[], trouble?: string | null): void;
  /** It cannot say what there is. It goes on trying. */
  failed(reason: string): void;
}

/** Makes the source for an address. */
export type OpenSource = (options: SourceOptions, observer: SourceObserver) => Source;
