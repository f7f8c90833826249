/** The systems of a round: one after the other, each started fresh and gone before the next, or all at once and by turns. */

import type { Running, StartPlan, System, SystemName } from '../systems/system.ts';
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

/** How systems that run at once are measured by turns. `T` is what is kept of one from turn to turn. */
export interface Turns<T> {
  readonly plan: Omit<StartPlan, 'scratchDir'>;
  /** Makes one that has just been started ready for its turns. */
  enter(running: Running, scratchDir: string): Promise<T>;
  turn(entered: T): Promise<void>;
  /** Before it is stopped. */
  leave?(entered: T): void;
  /** Whether each is to have a turn more, after so many turns and so much time. */
  goesOn(turns: number, elapsedMs: number): boolean;
  /** @param all that have had all their turns, with what is kept of them */
  result(entered: T, all: ReadonlyMap<SystemName, T>): Measured;
}

interface Contender<T> {
  readonly system: System;
  readonly running: Running;
  readonly entered: T;
}

/** Starts all systems and measures them by turns, so that all meet the same weather: a machine's mood lasts for longer. */
export async function measureByTurns<T>(round: Round, turns: Turns<T>): Promise<Sample[]> {
  const failed: Sample[] = [];
  let contenders: Contender<T>[] = [];
  const stop = async ({ running, entered }: Contender<T>): Promise<void> => {
    turns.leave?.(entered);
    await running.stop();
  };
  /** @returns whether it did not fail */
  const attempt = async (system: System, act: () => Promise<void>): Promise<boolean> => {
    const sample = await sampleOf(system, async () => {
      await act();
      return { figures: {}, errors: 0 };
    });
    if (sample.failure !== null) failed.push(sample);
    return sample.failure === null;
  };
  try {
    for (const system of round.systems) {
      await attempt(system, async () => void contenders.push(await enter(system, round, turns)));
    }
    const startedAtMs = performance.now();
    for (let count = 0; contenders.length > 0 && turns.goesOn(count, performance.now() - startedAtMs); count++) {
      for (const contender of contenders) {
        if (await attempt(contender.system, () => turns.turn(contender.entered))) continue;
        contenders = contenders.filter((other) => other !== contender);
        await stop(contender);
      }
    }
  } finally {
    for (const contender of contenders) await stop(contender);
  }
  const all = new Map(contenders.map(({ system, entered }) => [system.name, entered]));
  const samples = await Promise.all(
    contenders.map(({ system, entered }) => sampleOf(system, async () => turns.result(entered, all))),
  );
  samples.push(...failed);
  samples.forEach(round.report);
  return samples;
}

async function enter<T>(system: System, round: Round, turns: Turns<T>): Promise<Contender<T>> {
  const scratchDir = round.scratch.makeDir(system.name);
  const running = await system.start({ ...turns.plan, scratchDir });
  try {
    return { system, running, entered: await turns.enter(running, scratchDir) };
  } catch (error) {
    await running.stop();
    throw error;
  }
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
