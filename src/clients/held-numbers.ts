import { closeSync, openSync } from 'node:fs';

/** An app that goes on closing ports is not to use up the descriptors: then the oldest is let go. */
const MOST_HELD = 64;

/** Oldest first. */
const held: number[] = [];

/**
 * Takes the number of a descriptor that has just been closed, so that nothing else gets it for as long as possible. Other threads
 * that listened there still have it in their event loop, which libuv asks by number whose a socket is: a client's
 * connection of the same number would never be read, and its thread would turn without end.
 */
export function holdNumber(descriptor: number): void {
  const below: number[] = [];
  try {
    for (;;) {
      const opened = openSync('/dev/null', 'r');
      if (opened < descriptor) {
        below.push(opened);
        continue;
      }
      if (opened === descriptor) held.push(opened);
      // Another thread was faster.
      else closeSync(opened);
      break;
    }
  } catch {
    // No descriptor is left, nor is that one free for long.
  }
  for (const one of below) closeSync(one);
  if (held.length > MOST_HELD) closeSync(held.shift()!);
}
