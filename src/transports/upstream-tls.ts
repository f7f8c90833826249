import type { UpstreamTlsOptions } from '../config/upstream.ts';
import { secureContextOf } from '../core/secure-context.ts';
import type { UpstreamTls } from './upstream-socket.ts';

/** TLS to the servers of one pool. @throws as {@link secureContextOf} */
export function upstreamTls(options: UpstreamTlsOptions): UpstreamTls {
  return { context: secureContextOf(options), serverName: options.serverName, verifies: options.verifies };
}
