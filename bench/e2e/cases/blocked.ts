/** Short requests while a few others block their worker: how far from one ideal shared queue. */

import { KeptConnection } from '../load/kept-connection.ts';
import { type Arrival, type Departure, runOpenLoop } from '../load/open-loop.ts';
import { seededRandom } from '../load/seeded-random.ts';
import { sharedQueueWaitsMs } from '../load/shared-queue.ts';
import { median, percentile } from '../percentile.ts';
import { appPath } from '../repository.ts';
import { node } from '../systems/node.ts';
import type { Running } from '../systems/system.ts';
import type { BenchCase, Round, Sample } from './bench-case.ts';
import { type Measured, measureEach } from './each-system.ts';

const WORKERS = 2;
const SHORT_MS = 0.3;
const BLOCKING_MS = 100;
const BLOCKING_SHARE = 0.01;
/**
 * 0.3 of what two workers can do, whose mean request takes 1.3 ms. Both are blocked at once for a few percent of the time,
 * so the p99 of the ideal lies in that wait, well above a hop's own cost and well away from an edge of the distribution.
 * In simulation, the least loaded of two queues that requests never leave comes to 1.2 to 1.7 here, turns to 1.5 to 2.8.
 */
const RATE_PER_S = 450;
const CONNECTIONS = 64;
const WARM_UP_MS = 1_000;
/** A p99 wants more requests than a throughput does. */
const SECONDS_FACTOR = 3;

export const blocked: BenchCase = {
  name: 'blocked',
  title: 'Short requests beside blocked workers',
  method:
    '450 requests/s arrive at random (Poisson, open loop) at 2 workers; 99 % take 0.3 ms, 1 % stop their event loop for ' +
    '100 ms. The ideal is the same arrivals, at the moments they were really sent, through a simulated single queue ' +
    'before both workers, plus the p50 of a lone short request to bare node. The p99 is that of the short ones.',
  systems: ['evener', 'cluster', 'haproxy', 'nginx'],
  references: [],
  figures: [
    { key: 'p50Ms', label: 'p50 ms', digits: 2 },
    { key: 'p99Ms', label: 'p99 ms', digits: 2 },
    { key: 'idealP99Ms', label: 'ideal p99 ms', digits: 2 },
    { key: 'toIdeal', label: 'p99 / ideal', digits: 2 },
  ],
  panels: [
    {
      title: 'Short requests beside blocked workers',
      unit: 'p99 against that of an ideal shared queue',
      figures: ['toIdeal'],
      digits: 2,
      isHigherBetter: false,
    },
  ],
  budget: [
    {
      what: 'p99 of 0.3 ms requests while 1 % block their worker 100 ms, against an ideal shared queue',
      unit: '',
      digits: 2,
      bound: '<=',
      target: 1.15,
      figure: (of) => of('evener', 'toIdeal'),
    },
  ],
  measure,
};

async function measure(round: Round): Promise<Sample[]> {
  const plan = { appPath: appPath('blocker'), workers: WORKERS };
  const bare = await node.start({ ...plan, scratchDir: round.scratch.makeDir('node') });
  let loneP50Ms: number;
  try {
    loneP50Ms = await loneShortMs(bare);
  } finally {
    await bare.stop();
  }
  // The same arrivals for every system of a round, others in the next round.
  const arrivals = poissonArrivals(round.index, WARM_UP_MS + round.seconds * SECONDS_FACTOR * 1000);
  return measureEach(round, plan, async (running) => {
    const departures = await runOpenLoop(running.port, arrivals, CONNECTIONS);
    return evaluate(departures, arrivals.length, loneP50Ms);
  });
}

/** p50 of a short request that meets nobody: service, both socket ways and the client. */
async function loneShortMs(running: Running): Promise<number> {
  const connection = await KeptConnection.open(running.port);
  const request = KeptConnection.get('/');
  const latenciesMs: number[] = [];
  for (let i = 0; i < 600; i++) {
    const sentAtMs = performance.now();
    await connection.ask(request);
    if (i >= 200) latenciesMs.push(performance.now() - sentAtMs);
  }
  connection.close();
  return median(latenciesMs);
}

function poissonArrivals(seed: number, durationMs: number): Arrival[] {
  const random = seededRandom(seed + 1);
  const arrivals: Arrival[] = [];
  for (let dueMs = 0; dueMs < durationMs; dueMs += (-Math.log(1 - random()) * 1000) / RATE_PER_S) {
    arrivals.push({ dueMs, path: random() < BLOCKING_SHARE ? '/block' : '/' });
  }
  return arrivals;
}

function evaluate(departures: readonly Departure[], expected: number, loneP50Ms: number): Measured {
  const sent = departures.filter(({ isOk }) => isOk).sort((a, b) => a.sentAtMs - b.sentAtMs);
  const waitsMs = sharedQueueWaitsMs(
    sent.map(({ sentAtMs, path }) => ({ atMs: sentAtMs, serviceMs: path === '/' ? SHORT_MS : BLOCKING_MS })),
    WORKERS,
  );
  const measuredFromMs = (sent[0]?.sentAtMs ?? 0) + WARM_UP_MS;
  const short = sent.map((_, i) => i).filter((i) => sent[i]!.path === '/' && sent[i]!.sentAtMs >= measuredFromMs);
  if (short.length === 0) throw new Error('no short request was answered');
  const latenciesMs = short.map((i) => sent[i]!.latencyMs);
  const idealP99Ms = percentile(
    short.map((i) => waitsMs[i]! + loneP50Ms),
    0.99,
  );
  const p99Ms = percentile(latenciesMs, 0.99);
  return {
    figures: { p50Ms: median(latenciesMs), p99Ms, idealP99Ms, toIdeal: p99Ms / idealP99Ms },
    errors: expected - sent.length,
  };
}
