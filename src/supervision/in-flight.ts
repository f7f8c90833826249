import type { InFlightRequest } from '../channel/messages.ts';

/** Events and incidents are kept for long, and one worker may have had thousands of requests in hand. */
const MOST_TOLD = 100;

/** Those that an event tells of: the oldest, which come first, 100 at most. */
export function oldestOf(requests: readonly InFlightRequest[]): readonly InFlightRequest[] {
  return [...requests].sort((a, b) => b.ageMs - a.ageMs).slice(0, MOST_TOLD);
}
