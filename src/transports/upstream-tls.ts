import { LAZILY } from '../core/lazily.ts';
import type { UpstreamTls } from './upstream-socket.ts';

/** TLS to the servers of one pool. Plain data, so that it can be sent to a thread. */
export interface UpstreamTlsSettings {
  /** Authorities that servers' certificates are checked against, PEM; null = those that Node knows. */
  readonly ca: string | null;
  /** Our own certificate with its chain and its key, PEM, for servers that ask for one; null = none. */
  readonly cert: string | null;
  readonly key: string | null;
  /** Name that is asked for (SNI) and checked; null = the host of the server's address. */
  readonly serverName: string | null;
  /** The server's certificate has to be valid. */
  readonly verifies: boolean;
}

export const DEFAULT_UPSTREAM_TLS: UpstreamTlsSettings = Object.freeze({
  ca: null,
  cert: null,
  key: null,
  serverName: null,
  verifies: true,
});

/** Throws what Node throws where a certificate or key makes no sense. */
export function upstreamTls(settings: UpstreamTlsSettings): UpstreamTls {
  const context = LAZILY.tls.createSecureContext({
    ...(settings.ca === null ? {} : { ca: settings.ca }),
    ...(settings.cert === null ? {} : { cert: settings.cert }),
    ...(settings.key === null ? {} : { key: settings.key }),
  });
  return { context, serverName: settings.serverName, verifies: settings.verifies };
}
