import type { Ended } from './client.ts';
import type { Deliveries } from './deliveries.ts';
import { nameOf } from './pattern.ts';

/** So long after a death a request may still be given to who has died. */
const NOTICE_MS = 2_000;

export interface Circumstances {
  /** When a worker or server was killed. Monotonic ms. */
  readonly deaths: readonly number[];
  /** Whether a PUT may be sent again, as RFC 9110 allows for what is idempotent: to a server, not to a worker. */
  readonly repeatsPuts: boolean;
}

/**
 * What is wrong with how requests ended, by docs/failures.md and docs/servers.md: only who may have been in the hands of one
 * that was killed is answered with 502 or cut short, and a GET is not even answered with 502.
 */
export function judge(ended: readonly Ended[], deliveries: Deliveries, circumstances: Circumstances): string[] {
  const requests = new Map(ended.map((one) => [nameOf(one.plan.id), one]));
  const wrong = deliveries.wrong.flatMap(([name, what]) => {
    const one = requests.get(name);
    return one === undefined ? [] : [`the app got: ${what}; ${told(one)}`];
  });
  for (const one of ended) {
    const failure = isDropped(one, deliveries) ? null : failureOf(one, circumstances.deaths);
    if (failure !== null) wrong.push(failure);
    const times = deliveries.begun.get(nameOf(one.plan.id)) ?? 0;
    const most = mostDeliveries(one, circumstances.repeatsPuts);
    if (times > most) wrong.push(`${told(one)}, and was run ${times} times`);
    if (times === 0 && one.ending === 'answered') wrong.push(`${told(one)}, and was never run`);
    if (times > 0 && one.ending === 'unbegun') wrong.push(`${told(one)} and yet was run`);
  }
  return wrong;
}

/** The app's own server has broken it off, or the rest of an upload in front of it, which was answered before. */
function isDropped({ plan, behind }: Ended, { dropped }: Deliveries): boolean {
  return dropped.has(nameOf(plan.id)) || (behind?.isEarly === true && dropped.has(nameOf(behind.id)));
}

function failureOf(one: Ended, deaths: readonly number[]): string | null {
  if (one.plan.way === 'abandoned') {
    // Where its head had not left yet nobody has seen any of it.
    const isWrong = one.ending === 'answered' || (one.ending === 'refused' && one.status !== 502);
    return isWrong ? `${told(one)}, though its app destroyed the connection` : null;
  }
  if (one.ending !== 'refused' && one.ending !== 'cut') return null;
  const met = deaths.filter((atMs) => atMs >= one.sentAtMs - NOTICE_MS && atMs <= one.endedAtMs);
  if (met.length === 0) return `${told(one)}, and nobody was killed`;
  if (one.ending === 'cut') return null;
  if (one.status !== 502) return `${told(one)}, and not with 502`;
  // It is run once more, and not twice.
  return one.plan.upload === null && met.length === 1 ? `${told(one)}, and could have been run elsewhere` : null;
}

function mostDeliveries({ plan }: Ended, repeatsPuts: boolean): number {
  if (plan.method === 'POST') return 1;
  return plan.method === 'PUT' && !repeatsPuts ? 1 : Number.POSITIVE_INFINITY;
}

function told({ plan, behind, ending, status, sentAtMs, endedAtMs }: Ended): string {
  const how: Record<Ended['ending'], string> = {
    answered: 'was answered',
    refused: `was answered with ${status}`,
    cut: 'was cut off',
    unbegun: 'stood behind the end of its connection',
    left: 'was left by its client',
  };
  const where =
    behind === null ? '' : ` behind ${nameOf(behind.id)}${behind.isEarly ? ', which was answered early' : ''}`;
  return `${plan.method} ${nameOf(plan.id)} (${JSON.stringify(plan)})${where} ${how[ending]} after ${Math.round(endedAtMs - sentAtMs)} ms`;
}
