/**
 * The timers as they were when this was loaded. Test suites put others in the place of the global ones, which stand still
 * until told otherwise; a link would stand still with them, as Node's own sockets do not.
 */
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const setInterval: typeof globalThis.setInterval = globalThis.setInterval;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
