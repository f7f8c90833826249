/** One lone request at a time: the latency that a hop adds when there is nothing to batch. */

import { KeptConnection } from '../load/kept-connection.ts';
import { median, percentile } from '../percentile.ts';
import { appPath } from '../repository.ts';
import type { Running, System } from '../systems/system.ts';
import type { BenchCase, Round, Sample } from './bench-case.ts';
import { sampleOf } from './each-system.ts';

/** Requests to one system before the next has its turn: short, so that all meet the same weather. */
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

interface Contender {
  readonly system: System;
  readonly running: Running;
  readonly connection: KeptConnection;
  readonly latenciesUs: number[];
  errors: number;
}

async function measure(round: Round): Promise<Sample[]> {
  const contenders: Contender[] = [];
  const failed: Sample[] = [];
  try {
    for (const system of round.systems) {
      const sample = await sampleOf(system, async () => {
        contenders.push(await enter(system, round));
        return { figures: {}, errors: 0 };
      });
      if (sample.failure !== null) failed.push(sample);
    }
    await takeTurns(contenders, round.seconds * contenders.length * 1000);
  } finally {
    for (const { connection, running } of contenders) {
      connection.close();
      await running.stop();
    }
  }
  const bare = contenders.find(({ system }) => system.name === 'node');
  const bareUs = bare === undefined ? Number.NaN : median(bare.latenciesUs);
  const samples = [...contenders.map((contender) => sampleFrom(contender, bareUs)), ...failed];
  samples.forEach(round.report);
  return samples;
}

async function enter(system: System, round: Round): Promise<Contender> {
  const scratchDir = round.scratch.makeDir(system.name);
  const running = await system.start({ appPath: appPath('tiny'), workers: 1, scratchDir });
  try {
    const connection = await KeptConnection.open(running.port);
    const contender = { system, running, connection, latenciesUs: [], errors: 0 };
    for (let i = 0; i < WARM_UP_REQUESTS; i++) {
      const status = await connection.ask(request);
      if (status !== 200) throw new Error(`warm-up request ${i + 1} got ${status === 0 ? 'no answer' : status}`);
    }
    return contender;
  } catch (error) {
    await running.stop();
    throw error;
  }
}

const request = KeptConnection.get('/');

async function takeTurns(contenders: readonly Contender[], durationMs: number): Promise<void> {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs) {
    for (const contender of contenders) {
      for (let i = 0; i < BLOCK; i++) {
        const sentAtMs = performance.now();
        const status = await contender.connection.ask(request);
        if (status !== 200) {
          contender.errors += 1;
          break;
        }
        contender.latenciesUs.push((performance.now() - sentAtMs) * 1000);
      }
    }
  }
}

function sampleFrom({ system, latenciesUs, errors }: Contender, bareUs: number): Sample {
  const p50Us = median(latenciesUs);
  if (latenciesUs.length === 0) return { system: system.name, figures: {}, errors, failure: 'no request was answered' };
  const figures: Record<string, number> = { p50Us, p99Us: percentile(latenciesUs, 0.99) };
  if (system.name !== 'node' && !Number.isNaN(bareUs)) figures.addedUs = p50Us - bareUs;
  return { system: system.name, figures, errors, failure: null };
}
