/** Ports that nobody listens on. */

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** That many distinct ports; all are held until the last is found, so that none comes twice. */
export async function findFreePorts(count: number): Promise<number[]> {
  const holders = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(holders.map((holder) => once(holder, 'listening')));
  const ports = holders.map((holder) => (holder.address() as AddressInfo).port);
  await Promise.all(holders.map((holder) => new Promise((done) => holder.close(done))));
  return ports;
}
