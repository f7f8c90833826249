import { after } from 'node:test';
import type { Cleanup } from './cleanup.ts';

/**
 * Starts something for all tests of a file, when the first of them asks for it, and ends it after the last. To be called where
 * the file begins, not within a test.
 */
export function startedOnce<T>(start: (cleanup: Cleanup) => Promise<T>): () => Promise<T> {
  const cleanups: (() => unknown)[] = [];
  let started: Promise<T> | null = null;
  after(async () => {
    for (const clean of cleanups) await clean();
  });
  return () => {
    started ??= start({ after: (clean) => cleanups.push(clean) });
    return started;
  };
}
