const IS_COPY_SLOW = Number.parseInt(process.versions.node, 10) < 22;

/**
 * Options for `new net.Socket` that come cheap. It copies them first, and Node 20 (V8 11.3) gives each such copy a hidden class of
 * its own, so that every look at an option misses its caches: of 17 µs that a socket takes from its making to its end 5 are
 * saved where the options have no prototype. Later ones copy well, and would take 1 µs longer.
 */
export function socketOptions<T extends object>(options: T): T {
  return IS_COPY_SLOW ? ({ __proto__: null, ...options } as T) : options;
}
