/** Remote servers over HTTP/1.1: the same plain node servers behind `evener proxy`, HAProxy and nginx. */

import type { BenchCase } from './bench-case.ts';
import { throughputCase } from './throughput-case.ts';

export const remote: BenchCase = throughputCase({
  name: 'remote',
  title: 'Remote servers over HTTP/1.1',
  method: '64 kept connections ask for 13 bytes; 2 plain node servers, to which all three proxies keep connections.',
  app: 'tiny',
  request: { method: 'GET', body: null, contentType: '' },
  connections: 64,
  systems: ['evener-proxy', 'haproxy', 'nginx'],
  budget: [
    {
      what: 'remote servers over HTTP/1.1: balancer CPU per request against nginx',
      unit: '',
      digits: 2,
      bound: '<=',
      target: 1,
      figure: (of) => of('evener-proxy', 'balancerCpuUs') / of('nginx', 'balancerCpuUs'),
    },
  ],
});
