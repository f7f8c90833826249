import type { UpstreamOptions } from '../config/upstream.ts';
import { AddressRanges } from '../core/address-ranges.ts';
import type { Clock } from '../core/clock.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import type { Http1Settings } from '../transports/http1-settings.ts';
import { UpstreamPool } from '../transports/upstream-pool.ts';
import { upstreamTls } from '../transports/upstream-tls.ts';

/** A pool's options as its transports take them. */
export function http1SettingsOf(upstream: UpstreamOptions): Http1Settings {
  const { forwarded, via } = upstream;
  return Object.freeze({
    connectTimeoutMs: upstream.connectTimeoutMs,
    silenceTimeoutMs: upstream.silenceTimeoutMs,
    idleTimeoutMs: upstream.keptTimeoutMs,
    maxIdleConnections: upstream.maxKept,
    keepsLoadReports: upstream.loadReports === 'pass',
    responseVia: via,
    requests: Object.freeze({
      xForwarded: forwarded === 'x-forwarded' || forwarded === 'both',
      forwarded: forwarded === 'forwarded' || forwarded === 'both',
      via,
      loadFormat: upstream.loadReports === 'ask' ? 'TEXT' : null,
      passesLoadFormat: upstream.loadReports === 'pass',
    }),
    host: upstream.hostHeader,
    tls: upstreamTls(upstream.tls),
  });
}

/** @param trustedProxies whose word on the client is passed on */
export function upstreamPoolOf(trustedProxies: readonly string[], clock: Clock, turn: FlushTurn): UpstreamPool {
  return new UpstreamPool(clock, turn, new AddressRanges(trustedProxies));
}
