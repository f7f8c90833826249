import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AppStatus, Status } from '../../../src/control/control-target.ts';
import type { Rng } from '../../../src/core/rng.ts';
import { controlOf } from '../../support/control.ts';
import { memoryOf } from '../../support/memory.ts';
import { until } from '../../support/until.ts';
import type { FaultRig, Figures } from '../scenario.ts';
import type { Backend } from './backend.ts';
import type { Ended, Ending } from './client.ts';
import { Deliveries } from './deliveries.ts';
import { spread } from './plan.ts';
import { Traffic } from './traffic.ts';
import { judge } from './verdict.ts';

/** What happens while requests are under way. */
const PHASES = ['undisturbed', 'killed', 'stopped', 'reloaded'] as const;
type Phase = (typeof PHASES)[number];

/** EVENER_BODIES_SECONDS: of each phase, for longer soaks. */
const PHASE_MS = Number(process.env.EVENER_BODIES_SECONDS ?? 1.5) * 1000;

/** EVENER_BODIES_SEED: of what is sent and of when what fails. */
const SEED = Number(process.env.EVENER_BODIES_SEED ?? Math.floor(Math.random() * 0x7fffffff));

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
    const when = `while ${phase}, seed ${SEED} (EVENER_BODIES_SEED=${SEED} npm run test:faults -- ${name})`;
    const wrong = [...traffic.wrong, ...judge(traffic.ended, Deliveries.read(file), circumstances)];
    if (wrong.length > 0) throw new Error(`${when}:\n  ${Traffic.told(wrong)}`);
    for (const one of traffic.ended) ended.push(one);
    await nothingIsLeft(backend, when);
  }
  const growthMb = (memoryOf(backend.evener.pid).peak - before) / 1e6;
  if (growthMb > MAX_GROWTH_MB) throw new Error(`Evener grew by ${Math.round(growthMb)} MB; seed ${SEED}`);
  return figuresOf(ended, growthMb);
}

async function disturb(phase: Phase, backend: Backend, rng: Rng, deaths: number[]): Promise<void> {
  const endMs = performance.now() + PHASE_MS;
  await sleep(PHASE_MS / 10);
  do {
    const member = rng.below(backend.members);
    // Those that die on and on are started with growing pauses.
    await sleep(rng.below(deaths.length < 2 ? 300 : 4_000));
    if (performance.now() > endMs && deaths.length > 0) return;
    switch (phase) {
      case 'killed':
        await backend.kill(member, () => deaths.push(performance.now()));
        break;
      case 'stopped':
        await backend.stop(member);
        await sleep(300 + rng.below(1_200));
        backend.resume(member);
        break;
      case 'reloaded':
        await backend.reload();
        break;
      default:
        await sleep(Math.max(0, endMs - performance.now()));
    }
  } while (performance.now() < endMs);
}

/** Every request has had its end, and Evener knows it, too. */
async function nothingIsLeft(backend: Backend, when: string): Promise<void> {
  const control = await controlOf(backend.evener);
  let last: Status | null = null;
  await until(
    () => `nothing to be in flight ${when}: ${JSON.stringify(last)}`,
    async () => {
      last = await control.get<Status>('/status');
      return last.connections === 0 && last.apps.every(isIdle) && last.workers.every(({ inFlight }) => inFlight === 0);
    },
    30_000,
  );
}

function isIdle({ inFlight, queued }: AppStatus): boolean {
  return inFlight === 0 && queued === 0;
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
