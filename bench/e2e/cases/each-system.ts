/** The systems of a round, one after the other, each started fresh and gone before the next. */

import type { Running, StartPlan, System } from '../systems/system.ts';
import type { Round, Sample } from './bench-case.ts';

export interface Measured {
  readonly figures: Readonly<Record<string, number>>;
  readonly errors: number;
}

/** Starts each system with this app and number of workers, measures it and stops it. */
export async function measureEach(
  round: Round,
  plan: Omit<StartPlan, 'scratchDir'>,
  measure: (running: Running, system: System) => Promise<Measured>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const system of round.systems) {
    const sample = await sampleOf(system, async () => {
      const running = await system.start({ ...plan, scratchDir: round.scratch.makeDir(system.name) });
      try {
        return await measure(running, system);
      } finally {
        await running.stop();
      }
    });
    round.report(sample);
    samples.push(sample);
  }
  return samples;
}

/** A sample of what this measures, or of how it failed. */
export async function sampleOf(system: System, measure: () => Promise<Measured>): Promise<Sample> {
  try {
    return { system: system.name, ...(await measure()), failure: null };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { system: system.name, figures: {}, errors: 0, failure };
  }
}
