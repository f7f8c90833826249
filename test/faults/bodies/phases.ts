import { setTimeout as sleep } from 'node:timers/promises';
import type { AppStatus, Status } from '../../../src/control/control-target.ts';
import type { Rng } from '../../../src/core/rng.ts';
import { controlOf } from '../../support/control.ts';
import { until } from '../../support/until.ts';
import type { Backend } from './backend.ts';

/** What happens while requests are under way. */
export const PHASES = ['undisturbed', 'killed', 'stopped', 'reloaded'] as const;
export type Phase = (typeof PHASES)[number];

/** EVENER_FAULTS_SECONDS: of each phase, for longer soaks. */
export const PHASE_MS: number = Number(process.env.EVENER_FAULTS_SECONDS ?? 1.5) * 1000;

/** EVENER_FAULTS_SEED: of what is sent and of when what fails. */
export const SEED: number = Number(process.env.EVENER_FAULTS_SEED ?? Math.floor(Math.random() * 0x7fffffff));

/**
 * Does to the backend what the phase says, for as long as it lasts.
 *
 * @param deaths gets the moment of each. Monotonic ms
 */
export async function disturb(phase: Phase, backend: Backend, rng: Rng, deaths: number[]): Promise<void> {
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
export async function nothingIsLeft(backend: Backend, when: string): Promise<void> {
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
