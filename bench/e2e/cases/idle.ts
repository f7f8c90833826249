/** Idle keep-alive connections: what each one costs the process that holds it. */

import { KeptConnection } from '../load/kept-connection.ts';
import { readSettledMemory } from '../proc/memory.ts';
import { appPath } from '../repository.ts';
import type { Roles, Running } from '../systems/system.ts';
import type { BenchCase } from './bench-case.ts';
import { type Measured, measureEach } from './each-system.ts';

/** Opened first and kept, so that one-time growth of heaps and pools is not charged to the ones that count. */
const FIRST_CONNECTIONS = 1_000;
const CONNECTIONS = 5_000;
/** Opened at once. Below the shortest accept queue of the systems, which drop what does not fit. */
const BATCH = 50;

export const idle: BenchCase = {
  name: 'idle',
  title: 'Idle keep-alive connections',
  method:
    '1,000 connections are opened and ask once each, then 5,000 more; all stay open. The figure is the growth of the ' +
    "balancer's resident memory over the 5,000, once it has settled, for each of them.",
  systems: ['evener', 'haproxy', 'nginx'],
  references: [],
  figures: [
    { key: 'kibPerConnection', label: 'KiB/connection', digits: 2 },
    { key: 'balancerRssMib', label: 'balancer RSS MiB with 6,000 open', digits: 1 },
  ],
  panels: [
    {
      title: 'Idle keep-alive connection',
      unit: 'KiB of balancer memory',
      figures: ['kibPerConnection'],
      digits: 2,
      isHigherBetter: false,
    },
  ],
  budget: [
    {
      what: 'an idle keep-alive connection: balancer memory',
      unit: 'KiB',
      digits: 2,
      bound: '<=',
      target: 8,
      figure: (of) => of('evener', 'kibPerConnection'),
    },
  ],
  measure: (round) =>
    measureEach(round, { appPath: appPath('tiny'), workers: 2 }, (running, { name }) =>
      // These two have no balancer that holds connections: the processes that serve them do.
      measureIdle(running, (roles) => (name === 'node' || name === 'cluster' ? roles.workers : roles.balancer)),
    ),
};

async function measureIdle(running: Running, holdersOf: (roles: Roles) => readonly number[]): Promise<Measured> {
  const holders = holdersOf(running.roles());
  const opened: KeptConnection[] = [];
  try {
    let errors = await openAndAsk(running.port, FIRST_CONNECTIONS, opened);
    const before = await readSettledMemory(() => holders);
    errors += await openAndAsk(running.port, CONNECTIONS, opened);
    const after = await readSettledMemory(() => holders);
    errors += opened.filter(({ isOpen }) => !isOpen).length;
    return {
      figures: {
        kibPerConnection: (after.rssKiB - before.rssKiB) / CONNECTIONS,
        balancerRssMib: after.rssKiB / 1024,
      },
      errors,
    };
  } finally {
    for (const connection of opened) connection.close();
  }
}

/** Answers how many got no 200. */
async function openAndAsk(port: number, count: number, opened: KeptConnection[]): Promise<number> {
  const request = KeptConnection.get('/');
  let errors = 0;
  for (let begun = 0; begun < count; begun += BATCH) {
    await Promise.all(
      Array.from({ length: Math.min(BATCH, count - begun) }, async () => {
        const connection = await KeptConnection.open(port);
        opened.push(connection);
        if ((await connection.ask(request)) !== 200) errors += 1;
      }),
    );
  }
  return errors;
}
