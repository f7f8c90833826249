import type tls from 'node:tls';
import { nodeNet } from './node-net.ts';

/**
 * Lets clients resume a TLS session at whichever worker gets their next connection, as under node:cluster: all workers of a port
 * seal tickets with the same keys. An app that has given keys of its own (`ticketKeys`, or `setTicketKeys()` once it listens)
 * goes by those.
 */
export function shareTickets(server: object, keys: string): void {
  if (!(server instanceof nodeNet().tls.Server) || hasOwnKeys(server)) return;
  server.setTicketKeys(Buffer.from(keys, 'base64'));
}

/** Node keeps there what the option was. */
function hasOwnKeys(server: tls.Server & { readonly ticketKeys?: unknown }): boolean {
  return server.ticketKeys !== undefined;
}
