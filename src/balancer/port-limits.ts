import type { PoolSettings } from '../channel/messages.ts';
import type { ClientTimeouts } from '../clients/client-context.ts';
import { type HeadLimits, MAX_FIELDS } from '../http1/request-head.ts';
import type { ServerLimits } from '../link/frames.ts';

/** A head travels in one frame: whatever the app allows, no more than this. */
const MAX_HEAD_BYTES = 64 * 1024;

/** What one pool brings to a port's limits. */
export interface PortShare {
  readonly settings: PoolSettings;
  /** What the app's own server allows. */
  server: ServerLimits;
}

/** Which pool a request is for is only known when its head is there: until then the most generous of them counts. */
export function limitsOf(shares: readonly PortShare[]): HeadLimits {
  return {
    maxHeadBytes: Math.min(Math.max(...shares.map(({ server }) => server.maxHeadBytes)), MAX_HEAD_BYTES),
    maxFields: MAX_FIELDS,
    requireHost: shares.every(({ server }) => server.requireHost),
  };
}

export function timeoutsOf(shares: readonly PortShare[]): ClientTimeouts {
  return {
    headMs: longest(shares.map(({ settings, server }) => settings.headerTimeoutMs ?? server.headersTimeoutMs)),
    requestMs: longest(shares.map(({ server }) => server.requestTimeoutMs)),
    keepAliveMs: longest(
      shares.map(({ server }) =>
        server.keepAliveTimeoutMs === 0 ? 0 : server.keepAliveTimeoutMs + server.keepAliveBufferMs,
      ),
    ),
  };
}

/** ms; 0 = no limit, which is the longest of all. */
function longest(limits: readonly number[]): number {
  return limits.includes(0) ? 0 : Math.max(...limits);
}
