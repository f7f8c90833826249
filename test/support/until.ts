import { setTimeout as sleep } from 'node:timers/promises';

/** Generous: a loaded machine may take its time, a broken promise takes for ever. */
export const DEADLINE_MS = 60_000;

/** Waits for a condition; fails with the description when the deadline passes. Returns what the condition returned. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T | Promise<T>,
  deadlineMs: number = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value as NonNullable<T>;
    if (performance.now() > end) {
      throw new Error(`waited ${deadlineMs} ms for ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(10);
  }
}
