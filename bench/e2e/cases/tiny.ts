/** A tiny response: nothing but the way there and back. */

import type { BenchCase } from './bench-case.ts';
import { ratioRow } from './ratio-row.ts';
import { throughputCase } from './throughput-case.ts';

const what = 'tiny response, 64 connections, 2 workers';

export const tiny: BenchCase = throughputCase({
  name: 'tiny',
  title: 'Tiny response',
  method: '64 kept connections ask for 13 bytes; 2 workers.',
  app: 'tiny',
  request: { method: 'GET', body: null, contentType: '' },
  connections: 64,
  budget: [
    ratioRow(`${what}: total CPU per request against node:cluster`, '<=', 0.8, 'totalCpuUs', 'cluster'),
    ratioRow(`${what}: requests/s against HAProxy + node`, '>=', 2, 'requestsPerS', 'haproxy'),
    ratioRow(`${what}: requests/s against nginx + node`, '>=', 2, 'requestsPerS', 'nginx'),
    ratioRow(`${what}: balancer CPU per request against HAProxy's`, '<=', 0.65, 'balancerCpuUs', 'haproxy'),
  ],
});
