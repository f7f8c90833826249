/** What a connection costs: every request comes on one of its own. */

import type { BenchCase } from './bench-case.ts';
import { throughputCase } from './throughput-case.ts';

export const reconnect: BenchCase = throughputCase({
  name: 'reconnect',
  title: 'A connection for each request',
  method: '64 clients ask for 13 bytes, each time on a new connection; 2 workers.',
  app: 'tiny',
  request: { method: 'GET', body: null, contentType: '', closes: true },
  connections: 64,
  budget: [],
});
