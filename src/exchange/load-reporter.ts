import type { Exchange } from './exchange.ts';

/** Tells clients how busy a pool is. */
export interface LoadReporter {
  /** A line for the head of this answer, with its CRLF; empty where it gets none. */
  lineFor(exchange: Exchange): string;
}
