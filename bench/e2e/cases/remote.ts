/** Remote servers over HTTP/1.1. Named so that the budget is whole; nothing to measure before `evener proxy` exists. */

import type { BenchCase } from './bench-case.ts';

export const remote: BenchCase = {
  name: 'remote',
  title: 'Remote servers over HTTP/1.1',
  method: 'Not in this version: evener serves its own workers only.',
  systems: [],
  references: [],
  figures: [],
  panels: [],
  budget: [
    {
      what: 'remote servers over HTTP/1.1: balancer CPU per request against nginx',
      unit: '',
      digits: 2,
      bound: '<=',
      target: 1,
      figure: () => Number.NaN,
      absence: 'not in this version',
    },
  ],
  measure: () => Promise.resolve([]),
};
