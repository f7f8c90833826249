/** A JSON document posted and sent back: small bodies in both directions. */

import type { BenchCase } from './bench-case.ts';
import { ratioRow } from './ratio-row.ts';
import { throughputCase } from './throughput-case.ts';

const BODY_BYTES = 10 * 1024;

export const echo: BenchCase = throughputCase({
  name: 'echo',
  title: '10 KiB JSON POST echo',
  method: '64 kept connections post 10 KiB of JSON and get the same bytes back; 2 workers.',
  app: 'echo',
  request: { method: 'POST', body: document(BODY_BYTES), contentType: 'application/json' },
  connections: 64,
  budget: [ratioRow('10 KiB JSON POST echo: requests/s against nginx + node', '>=', 1.5, 'requestsPerS', 'nginx')],
});

/** A JSON document of exactly this length. */
function document(bytes: number): Buffer {
  const rows = Array.from({ length: 150 }, (_, id) => ({ id, name: `name of row ${id}`, price: id * 1.25 }));
  const empty = JSON.stringify({ rows, padding: '' });
  return Buffer.from(JSON.stringify({ rows, padding: 'x'.repeat(bytes - empty.length) }));
}
