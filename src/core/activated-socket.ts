/** A listening socket that whoever started us has opened for us. sd_listen_fds(3) */
export interface ActivatedSocket {
  readonly fd: number;
  /** As the service manager calls it; empty where it does not. */
  readonly name: string;
  /** null for a Unix socket. */
  readonly host: string | null;
  /** -1 for a Unix socket. */
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** Of a Unix socket, else null. An abstract one begins with `@`. */
  readonly path: string | null;
}

/**
 * The one that stands for an address; null where none does. Of several on a port that with the same host; else any, for
 * the port could not be opened a second time.
 */
export function activatedFor(
  sockets: readonly ActivatedSocket[],
  { host, port, path }: { readonly host: string | null; readonly port: number; readonly path: string | null },
): ActivatedSocket | null {
  if (path !== null) return sockets.find((one) => one.path === path) ?? null;
  if (port === 0) return null;
  const candidates = sockets.filter((one) => one.path === null && one.port === port);
  return candidates.find((one) => one.host === host) ?? candidates[0] ?? null;
}
