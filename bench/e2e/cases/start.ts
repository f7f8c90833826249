/** From the command to the first answered request. */

import { median } from '../percentile.ts';
import { appPath } from '../repository.ts';
import type { System } from '../systems/system.ts';
import type { BenchCase, Round, Sample } from './bench-case.ts';
import { sampleOf } from './each-system.ts';

/** Starts of each system in a round, taken in turn. */
const STARTS = 5;

export const start: BenchCase = {
  name: 'start',
  title: 'Start',
  method:
    'From the launch of the command to the first 200, asked for every 2 ms; 2 workers; per round the median of 5 starts, ' +
    'taken in turn with bare node.',
  systems: ['node', 'evener', 'cluster'],
  references: ['node'],
  figures: [
    { key: 'firstAnswerMs', label: 'first answer ms', digits: 0 },
    { key: 'overNodeMs', label: 'over bare node ms', digits: 0 },
  ],
  panels: [
    {
      title: 'Start to first answer',
      unit: 'ms',
      figures: ['firstAnswerMs'],
      digits: 0,
      isHigherBetter: false,
    },
  ],
  budget: [
    {
      what: 'from start to first answered request, over bare node',
      unit: 'ms',
      digits: 0,
      bound: '<=',
      target: 200,
      figure: (of) => of('evener', 'overNodeMs'),
    },
  ],
  measure,
};

async function measure(round: Round): Promise<Sample[]> {
  const startsMs = new Map<System, number[]>(round.systems.map((system) => [system, []]));
  const failed = new Map<System, Sample>();
  for (let i = 0; i < STARTS; i++) {
    for (const system of round.systems) {
      if (failed.has(system)) continue;
      const sample = await sampleOf(system, async () => {
        startsMs.get(system)!.push(await timeStart(system, round));
        return { figures: {}, errors: 0 };
      });
      if (sample.failure !== null) failed.set(system, sample);
    }
  }
  const bare = round.systems.find(({ name }) => name === 'node');
  const bareMs = median(bare === undefined ? [] : startsMs.get(bare)!);
  const samples = round.systems.map((system) => {
    const firstAnswerMs = median(startsMs.get(system)!);
    const overNodeMs = firstAnswerMs - bareMs;
    const isMeasurable = system.name !== 'node' && !Number.isNaN(overNodeMs);
    const figures = isMeasurable ? { firstAnswerMs, overNodeMs } : { firstAnswerMs };
    return failed.get(system) ?? { system: system.name, figures, errors: 0, failure: null };
  });
  samples.forEach(round.report);
  return samples;
}

async function timeStart(system: System, round: Round): Promise<number> {
  const scratchDir = round.scratch.makeDir(system.name);
  const running = await system.start({ appPath: appPath('tiny'), workers: 2, scratchDir });
  await running.stop();
  return running.firstAnswerMs;
}
