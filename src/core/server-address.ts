/** Where a server is reached. */
export interface ServerAddress {
  /** Name or address, IPv6 without brackets; null for a Unix socket. */
  readonly host: string | null;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Path of a Unix socket, else null. */
  readonly path: string | null;
  readonly isTls: boolean;
  /** As in a Host field: with the port where it is not the scheme's own. `localhost` for a Unix socket. */
  readonly authority: string;
}

/**
 * `http://host[:port]`, `https://host[:port]`, `host:port`, `unix:/path`.
 *
 * @returns what is wrong with it where it is none of them.
 */
export function parseServerAddress(text: string): ServerAddress | string {
  if (text.startsWith('unix:')) {
    const path = text.slice(5).replace(/^\/\/(?=\/)/, '');
    if (!path.startsWith('/')) return 'a Unix socket is named by its whole path, as in unix:/run/app.sock';
    return { host: null, port: 0, path, isTls: false, authority: 'localhost' };
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') return `servers are reached by http, https or unix, not by ${scheme}`;
  let url: URL;
  try {
    url = new URL(text.includes('://') ? text : `http://${text}`);
  } catch {
    return 'this is no address of a server, such as http://10.0.0.5:8080';
  }
  if (url.username !== '' || url.password !== '') return 'an address of a server has no user name';
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return 'an address of a server has no path: requests are passed on with their own';
  }
  const isTls = scheme === 'https';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
    path: null,
    isTls,
    authority: url.host,
  };
}

/** One way of writing it, by which equal ones are known. */
export function addressText(address: ServerAddress): string {
  if (address.path !== null) return `unix:${address.path}`;
  return `${address.isTls ? 'https' : 'http'}://${address.authority}`;
}
