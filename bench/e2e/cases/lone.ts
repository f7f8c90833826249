/** One lone request at a time: the latency that a hop adds when there is nothing to batch. */

import { KeptConnection } from '../load/kept-connection.ts';
import { median, percentile } from '../percentile.ts';
import { appPath } from '../repository.ts';
import type { Running } from '../systems/system.ts';
import type { BenchCase, Round, Sample } from './bench-case.ts';
import { type Measured, measureByTurns } from './each-system.ts';

/** Requests to one system before the next has its turn. */
const BLOCK = 100;
const WARM_UP_REQUESTS = 2_000;

export const lone: BenchCase = {
  name: 'lone',
  title: 'One lone request',
  method:
    'All systems run at once with 1 worker each and are asked in turn, 100 requests at a time, over one kept connection ' +
    "each, by a closed-loop client that takes both times itself. What a system adds is its p50 less bare node's.",
  systems: ['node', 'evener', 'haproxy', 'nginx'],
  references: ['node'],
  figures: [
    { key: 'p50Us', label: 'p50 µs', digits: 1 },
    { key: 'p99Us', label: 'p99 µs', digits: 1 },
    { key: 'addedUs', label: 'added to bare node µs', digits: 1 },
  ],
  panels: [{ title: 'One lone request', unit: 'p50 µs', figures: ['p50Us'], digits: 1, isHigherBetter: false }],
  budget: [
    {
      what: 'latency added to one lone request, against what HAProxy adds',
      unit: '',
      digits: 2,
      bound: '<=',
      target: 1,
      figure: (of) => (of('haproxy', 'addedUs') > 0 ? of('evener', 'addedUs') / of('haproxy', 'addedUs') : Number.NaN),
    },
  ],
  measure,
};

/** What is kept of a system from turn to turn. */
interface Asked {
  readonly connection: KeptConnection;
  readonly latenciesUs: number[];
  errors: number;
}

const request = KeptConnection.get('/');

function measure(round: Round): Promise<Sample[]> {
  const durationMs = round.seconds * round.systems.length * 1000;
  return measureByTurns<Asked>(round, {
    plan: { appPath: appPath('tiny'), workers: 1 },
    enter,
    turn,
    leave: ({ connection }) => connection.close(),
    goesOn: (_, elapsedMs) => elapsedMs < durationMs,
    result: (asked, all) => resultOf(asked, all.get('node')),
  });
}

async function enter(running: Running): Promise<Asked> {
  const connection = await KeptConnection.open(running.port);
  for (let i = 0; i < WARM_UP_REQUESTS; i++) {
    const status = await connection.ask(request);
    if (status !== 200) throw new Error(`warm-up request ${i + 1} got ${status === 0 ? 'no answer' : status}`);
  }
  return { connection, latenciesUs: [], errors: 0 };
}

async function turn(asked: Asked): Promise<void> {
  for (let i = 0; i < BLOCK; i++) {
    const sentAtMs = performance.now();
    const status = await asked.connection.ask(request);
    if (status !== 200) {
      asked.errors += 1;
      return;
    }
    asked.latenciesUs.push((performance.now() - sentAtMs) * 1000);
  }
}

function resultOf(asked: Asked, bare: Asked | undefined): Measured {
  const { latenciesUs, errors } = asked;
  if (latenciesUs.length === 0) throw new Error('no request was answered');
  const p50Us = median(latenciesUs);
  const figures: Record<string, number> = { p50Us, p99Us: percentile(latenciesUs, 0.99) };
  if (bare !== undefined && bare !== asked && bare.latenciesUs.length > 0) {
    figures.addedUs = p50Us - median(bare.latenciesUs);
  }
  return { figures, errors };
}
