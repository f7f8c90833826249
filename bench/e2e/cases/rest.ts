/** Memory at rest, beyond what the workers take themselves. */

import { readMemory, readSettledMemory } from '../proc/memory.ts';
import { appPath } from '../repository.ts';
import type { Running } from '../systems/system.ts';
import type { BenchCase, Round } from './bench-case.ts';
import { type Measured, measureEach } from './each-system.ts';

export const rest: BenchCase = {
  name: 'rest',
  title: 'Memory at rest',
  method:
    'After 2 s of load over 64 connections and a rest until the figure has settled: proportional set size (PSS: shared ' +
    'pages are divided among those who share them) of all processes of the system that are not workers.',
  systems: ['evener', 'cluster', 'haproxy', 'nginx'],
  references: [],
  figures: [
    { key: 'balancerPssMib', label: 'balancer PSS MiB', digits: 1 },
    { key: 'balancerRssMib', label: 'balancer RSS MiB', digits: 1 },
    { key: 'workersPssMib', label: 'workers PSS MiB', digits: 1 },
  ],
  panels: [
    {
      title: 'Memory at rest, beyond the workers',
      unit: 'MiB (PSS)',
      figures: ['balancerPssMib'],
      digits: 1,
      isHigherBetter: false,
    },
  ],
  budget: [
    {
      what: "memory beyond the workers' own, at rest",
      unit: 'MiB',
      digits: 1,
      bound: '<=',
      target: 80,
      figure: (of) => of('evener', 'balancerPssMib'),
    },
  ],
  measure: (round) =>
    measureEach(round, { appPath: appPath('tiny'), workers: 2 }, (running) => measureRest(round, running)),
};

async function measureRest({ load, scratch }: Round, running: Running): Promise<Measured> {
  const result = await load.run({
    port: running.port,
    request: { method: 'GET', body: null, contentType: '' },
    connections: 64,
    seconds: 2,
    scratchDir: scratch.makeDir('rest-load'),
  });
  const balancer = await readSettledMemory(() => running.roles().balancer);
  const workers = readMemory(running.roles().workers);
  return {
    figures: {
      balancerPssMib: balancer.pssKiB / 1024,
      balancerRssMib: balancer.rssKiB / 1024,
      workersPssMib: workers.pssKiB / 1024,
    },
    errors: result.errors,
  };
}
