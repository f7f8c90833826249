import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Backend } from '../bodies/backend.ts';
import { Deliveries } from '../bodies/deliveries.ts';
import { disturb, nothingIsLeft, PHASES, SEED } from '../bodies/phases.ts';
import { spread } from '../bodies/plan.ts';
import { Traffic } from '../bodies/traffic.ts';
import type { FaultRig, Figures } from '../scenario.ts';
import { type Ended, TunnelClient } from './client.ts';
import { drawTunnel } from './plan.ts';
import { endingOf, judge } from './verdict.ts';

export const TUNNELS_APP: string = fileURLToPath(new URL('app.js', import.meta.url));

/** At a time. */
const CLIENTS = 16;

/** Far longer than an app rests between two reads. */
const APP_READS_MS = 10_000;

/**
 * Tunnels of all kinds while workers or servers are killed, stopped and replaced.
 *
 * @param name of the scenario, to run it again by
 * @param start gets a folder, and the file in which the app is to note what it got
 */
export async function tunnelsUnderFaults(
  rig: FaultRig,
  name: string,
  start: (folder: string, file: string) => Promise<Backend>,
): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-tunnels-'));
  rig.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'deliveries');
  const backend = await start(folder, file);
  const ended: Ended[] = [];
  for (const [index, phase] of PHASES.entries()) {
    const own: Ended[] = [];
    const deaths: number[] = [];
    let isOver = false;
    let nextId = ended.length;
    const clients = Array.from({ length: CLIENTS }, async (_, place) => {
      const rng = spread((SEED + index) * CLIENTS + place);
      while (!isOver) own.push(await new TunnelClient(backend.url, drawTunnel(nextId++, rng)).ended);
    });
    await disturb(phase, backend, spread(SEED - 1 - index), deaths);
    isOver = true;
    await Promise.all(clients);
    const when = `while ${phase}, seed ${SEED} (EVENER_FAULTS_SEED=${SEED} npm run test:faults -- ${name})`;
    await nothingIsLeft(backend, when);
    const isReplacing = phase === 'reloaded' && !backend.isRemote;
    const wrong = await lastVerdict(() => judge(own, Deliveries.read(file), { deaths, isReplacing }));
    if (wrong.length > 0) throw new Error(`${when}:\n  ${Traffic.told(wrong)}`);
    for (const one of own) ended.push(one);
  }
  return figuresOf(ended);
}

/** What came last an app may have yet to read, when for its client all is over. */
async function lastVerdict(judgement: () => string[]): Promise<string[]> {
  const endMs = performance.now() + APP_READS_MS;
  for (;;) {
    const wrong = judgement();
    if (wrong.length === 0 || performance.now() > endMs) return wrong;
    await sleep(100);
  }
}

function figuresOf(ended: readonly Ended[]): Figures {
  const count = (ending: string): number => ended.filter((one) => endingOf(one) === ending).length;
  return {
    tunnels: ended.length,
    'through to their end': count('whole'),
    declined: count('declined'),
    'left by an end': count('left'),
    'said goodbye to': count('goodbye'),
    'answered with 502': count('refused'),
    'cut off': count('cut'),
    'wrong bytes': 0,
  };
}
