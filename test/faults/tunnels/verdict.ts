import type { Deliveries } from '../bodies/deliveries.ts';
import { nameOf } from '../bodies/pattern.ts';
import type { Ended } from './client.ts';

/** So long after a death a tunnel may still be given to who has died. */
const NOTICE_MS = 2_000;

/** Service Restart (RFC 6455 section 7.4, registered by IANA). */
const GOODBYE = 1012;

export interface Circumstances {
  /** When a worker or server was killed. Monotonic ms. */
  readonly deaths: readonly number[];
  /**
   * Workers are replaced. They say goodbye to WebSockets; and what an app has yet to read of a tunnel that it has ended itself
   * goes with it.
   */
  readonly isReplacing: boolean;
}

export type Ending =
  /** All that either side sends has come, and its end. */
  | 'whole'
  /** By the app. */
  | 'declined'
  /** An end left in the middle, as its plan says. */
  | 'left'
  /** Evener closed the WebSocket. */
  | 'goodbye'
  /** Evener answered in place of the app. */
  | 'refused'
  /** It ended before its time. */
  | 'cut';

export function endingOf({ plan, status, seen }: Ended): Ending {
  if (status === 403) return 'declined';
  if (status >= 500) return 'refused';
  if (seen.goodbye !== 0) return 'goodbye';
  if (seen.isWhole) return 'whole';
  return plan.leaver === 'nobody' ? 'cut' : 'left';
}

/** What is wrong with how tunnels ended: only one whose worker or server was killed may end before its time. */
export function judge(ended: readonly Ended[], deliveries: Deliveries, circumstances: Circumstances): string[] {
  const tunnels = new Map(ended.map((one) => [nameOf(one.plan.id), one]));
  const wrong = deliveries.wrong.flatMap(([name, what]) => {
    const one = tunnels.get(name);
    return one === undefined ? [] : [`the app got: ${what}; ${told(one)}`];
  });
  for (const one of ended) {
    const failure = one.seen.wrong ?? failureOf(one, deliveries, circumstances);
    if (failure !== null) wrong.push(`${failure}: ${told(one)}`);
  }
  return wrong;
}

function failureOf(one: Ended, deliveries: Deliveries, circumstances: Circumstances): string | null {
  const { deaths, isReplacing } = circumstances;
  const name = nameOf(one.plan.id);
  const times = deliveries.begun.get(name) ?? 0;
  if (times > 1) return `begun ${times} times`;
  if (deaths.some((atMs) => atMs >= one.sentAtMs - NOTICE_MS && atMs <= one.endedAtMs)) return null;
  switch (endingOf(one)) {
    case 'cut':
      return 'cut off, and nobody was killed';
    case 'refused':
      return 'refused, and nobody was killed';
    case 'goodbye':
      return isReplacing && one.plan.isWebSocket && one.seen.goodbye === GOODBYE
        ? null
        : `closed with ${one.seen.goodbye}`;
    case 'whole':
      // The other direction is the app's to see.
      return one.plan.leaver === 'nobody' && !deliveries.whole.has(name)
        ? lackOf(one, deliveries, circumstances)
        : null;
    default:
      return null;
  }
}

/** The client has had all; the app has not, as yet. */
function lackOf({ plan, sentAtMs }: Ended, deliveries: Deliveries, circumstances: Circumstances): string | null {
  const came = deliveries.short.get(nameOf(plan.id));
  if (came !== undefined) return `whole for the client; to the app came ${came}`;
  const hasApp = !circumstances.deaths.some((atMs) => atMs >= sentAtMs) && !circumstances.isReplacing;
  return hasApp || plan.ender === 'client' ? 'whole for the client, and not over for the app' : null;
}

function told(one: Ended): string {
  const { plan, status, sentAtMs, endedAtMs } = one;
  const took = Math.round(endedAtMs - sentAtMs);
  return `${nameOf(plan.id)} (${JSON.stringify(plan)}) got ${status}, ${endingOf(one)} after ${took} ms`;
}
