import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryOf } from '../../support/memory.ts';
import type { FaultRig, Figures } from '../scenario.ts';
import type { Backend } from './backend.ts';
import type { Ended, Ending } from './client.ts';
import { Deliveries } from './deliveries.ts';
import { disturb, nothingIsLeft, PHASES, SEED } from './phases.ts';
import { spread } from './plan.ts';
import { Traffic } from './traffic.ts';
import { judge } from './verdict.ts';

/** Beyond what is bounded for each connection lies what a thread keeps for the next, and what awaits collection. */
const MAX_GROWTH_MB = 300;

/**
 * Requests with bodies of all kinds while workers or servers are killed, stopped and replaced.
 *
 * @param name of the scenario, to run it again by
 * @param start gets a folder, and the file in which the app is to note what it got
 */
export async function bodiesUnderFaults(
  rig: FaultRig,
  name: string,
  start: (folder: string, file: string) => Promise<Backend>,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-bodies-'));
  rig.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'deliveries');
  const backend = await start(folder, file);
  const before = memoryOf(backend.evener.pid).now;
  const ended: Ended[] = [];
  for (const [index, phase] of PHASES.entries()) {
    const traffic = new Traffic({
      url: backend.url,
      seed: SEED + index,
      firstId: ended.length,
      can: {
        // The end of a connection to a server that was killed looks like the end of such a response.
        endWithClose: !backend.isRemote || phase !== 'killed',
        // Node's server puts it behind the head, where it comes to the request before it is through with the last one.
        sendInterim: !backend.isRemote,
      },
    });
    const deaths: number[] = [];
    await disturb(phase, backend, spread(SEED - 1 - index), deaths);
    await traffic.stop();
    const circumstances = { deaths, repeatsPuts: backend.isRemote };
    const when = `while ${phase}, seed ${SEED} (EVENER_FAULTS_SEED=${SEED} npm run test:faults -- ${name})`;
    const wrong = [...traffic.wrong, ...judge(traffic.ended, Deliveries.read(file), circumstances)];
    if (wrong.length > 0) throw new Error(`${when}:\n  ${Traffic.told(wrong)}`);
    for (const one of traffic.ended) ended.push(one);
    await nothingIsLeft(backend, when);
  }
  const growthMb = (memoryOf(backend.evener.pid).peak - before) / 1e6;
  if (growthMb > MAX_GROWTH_MB) throw new Error(`Evener grew by ${Math.round(growthMb)} MB; seed ${SEED}`);
  return figuresOf(ended, growthMb);
}

function figuresOf(ended: readonly Ended[], growthMb: number): Figures {
  const count = (ending: Ending): number => ended.filter((one) => one.ending === ending).length;
  const bytes = ended.reduce((sum, { plan, ending }) => {
    return ending === 'answered' ? sum + (plan.upload ?? 0) + plan.download : sum;
  }, 0);
  return {
    requests: ended.length,
    'answered in full': count('answered'),
    'left by their clients': count('left'),
    'answered with 502': count('refused'),
    'cut off': count('cut'),
    compared: `${Math.round(bytes / 1e6)} MB`,
    'wrong bytes': 0,
    'growth of Evener': `${Math.round(growthMb)} MB`,
  };
}
