/** An Express 5 app: what a user's own framework leaves of the difference. */

import type { BenchCase } from './bench-case.ts';
import { ratioRow } from './ratio-row.ts';
import { throughputCase } from './throughput-case.ts';

export const express: BenchCase = throughputCase({
  name: 'express',
  title: 'Express 5',
  method: '64 kept connections ask an Express 5 app for a small JSON answer; 2 workers.',
  app: 'express',
  request: { method: 'GET', body: null, contentType: '' },
  connections: 64,
  budget: [ratioRow('Express 5 app: requests/s against node:cluster', '>=', 2, 'requestsPerS', 'cluster')],
});
