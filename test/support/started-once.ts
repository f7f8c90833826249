import { after } from 'node:test';
import type { Cleanup } from './cleanup.ts';

/**
 * Starts something for all tests of a file, when the first of them asks for it, and ends it after the last. To be called where
 * the file begins, not within a test.
 */
export function startedOnce<T>(start: (cleanup: Cleanup) => Promise<T>): () => Promise<T> {
  return startedOnceEach(start);
}

/** The same for each of several: one for all that ask for it with equal arguments, which are what JSON can tell. */
export function startedOnceEach<Args extends readonly unknown[], T>(
  start: (cleanup: Cleanup, ...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  const cleanups: (() => unknown)[] = [];
  const started = new Map<string, Promise<T>>();
  after(async () => {
    for (const clean of cleanups) await clean();
  });
  return (...args) => {
    const key = JSON.stringify(args);
    const known = started.get(key) ?? start({ after: (clean) => cleanups.push(clean) }, ...args);
    started.set(key, known);
    return known;
  };
}
