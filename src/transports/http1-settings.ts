import type { RequestRules } from '../http1/proxied-request.ts';
import type { UpstreamTls } from './upstream-socket.ts';

/** How a pool's servers are talked to. All durations in ms, 0 = no limit. */
export interface Http1Settings {
  /** From the first attempt to a connection that can be used, its TLS handshake included. */
  readonly connectTimeoutMs: number;
  /** Silence of the server within a response. Tunnels may be silent for as long as they like. */
  readonly silenceTimeoutMs: number;
  /**
   * A kept connection that was not used for so long is closed. To be shorter than the server's own limit, so that no
   * request meets its closing; a server that tells its limit (`Keep-Alive: timeout=5`) gets a second less than that.
   */
  readonly idleTimeoutMs: number;
  /** Kept connections to one server. */
  readonly maxIdleConnections: number;
  /** Load reports (`endpoint-load-metrics`) are passed on to clients. */
  readonly keepsLoadReports: boolean;
  /** Value of Via in responses; null = none. */
  readonly responseVia: string | null;
  /** Everything of {@link RequestRules} but the server's name. */
  readonly requests: Omit<RequestRules, 'host' | 'authority'>;
  /** 'client': the client's Host is passed on; 'server': the server's own; else this. */
  readonly host: string;
  /** null = the servers are reached without TLS. */
  readonly tls: UpstreamTls | null;
}
