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
    maxFields: Math.min(MAX_FIELDS, longest(shares.map(({ server }) => server.maxFields)) || MAX_FIELDS),
    requireHost: shares.every(({ server }) => server.requireHost),
  };
}

export function timeoutsOf(shares: readonly PortShare[]): ClientTimeouts {
  return {
    headMs: longest(shares.map(({ settings, server }) => settings.headerTimeoutMs ?? server.headersTimeoutMs)),
    requestMs: longest(shares.map(({ server }) => server.requestTimeoutMs)),
    bodyMs: longest(shares.map(({ settings, server }) => settings.bodyTimeoutMs ?? server.bodyTimeoutMs ?? 0)),
    keepAliveMs: longest(shares.map(({ settings, server }) => settings.keepAliveTimeoutMs ?? keepAliveOf(server))),
  };
}

function keepAliveOf(server: ServerLimits): number {
  return server.keepAliveTimeoutMs === 0 ? 0 : server.keepAliveTimeoutMs + server.keepAliveBufferMs;
}

/**
 * Connections that a port may have in one of so many threads. An app's `maxConnections` is for each of its workers, as
 * in node:cluster, where a connection that one does not take goes to another: all of them together take as many times
 * as much. Threads, which the kernel deals connections to, have equal shares.
 */
export function connectionLimitOf(
  shares: Iterable<PortShare & { readonly workers: { readonly size: number } }>,
  threads: number,
): number {
  let limit = 0;
  for (const { server, workers } of shares) {
    if (server.maxConnections === null) return Number.POSITIVE_INFINITY;
    limit += server.maxConnections * Math.max(1, workers.size);
  }
  return Math.ceil(limit / threads);
}

/** 0 = no limit, which is the longest of all. */
function longest(limits: readonly number[]): number {
  return limits.includes(0) ? 0 : Math.max(...limits);
}
