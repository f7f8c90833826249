import { hkdfSync } from 'node:crypto';
import { TICKET_KEYS_BYTES } from '../link/frames.ts';
import type { Place } from './ports.ts';

/**
 * What workers of one pool seal their TLS session tickets with on one port (RFC 5077, RFC 8446 section 4.6.1): derived (RFC 5869),
 * so that it is the same at every balancer thread and for workers that are started later, and of no use elsewhere.
 *
 * @returns base64
 */
export function ticketKeysOf(secret: string, { port, settings }: Place): string {
  const purpose = `TLS tickets\0${settings.name}\0${port.key}`;
  return Buffer.from(hkdfSync('sha256', secret, '', purpose, TICKET_KEYS_BYTES)).toString('base64');
}
