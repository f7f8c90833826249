/** Bodies of 1 MiB, down and up: what copies and windows cost. */

import type { BenchCase } from './bench-case.ts';
import { ratioRow } from './ratio-row.ts';
import { throughputCase } from './throughput-case.ts';

const BODY_BYTES = 2 ** 20;
/** Enough to keep both workers busy; more would only fill socket buffers. */
const CONNECTIONS = 16;

export const responses: BenchCase = throughputCase({
  name: 'responses',
  title: '1 MiB responses',
  method: '16 kept connections ask for 1 MiB that the app holds in memory; 2 workers.',
  app: 'big',
  request: { method: 'GET', body: null, contentType: '' },
  connections: CONNECTIONS,
  payloadBytes: BODY_BYTES,
  budget: [ratioRow('1 MiB responses: bytes/s against nginx + node', '>=', 1, 'mibPerS', 'nginx')],
});

export const uploads: BenchCase = throughputCase({
  name: 'uploads',
  title: '1 MiB uploads',
  method: '16 kept connections post 1 MiB to an app that counts the bytes; 2 workers.',
  app: 'upload',
  request: { method: 'POST', body: Buffer.alloc(BODY_BYTES, 'x'), contentType: 'application/octet-stream' },
  connections: CONNECTIONS,
  payloadBytes: BODY_BYTES,
  budget: [ratioRow('1 MiB uploads: bytes/s against nginx + node', '>=', 1, 'mibPerS', 'nginx')],
});
