import { durationText } from '../core/duration-text.ts';
import { BUCKETS, bucketOf, quantileMs } from '../observability/histogram.ts';
import { chanceOfAsMany } from './proportions.ts';

/**
 * Below this on either side nothing can be said of shares: of 30 requests one more or less is 3 %, and a tail is one request.
 */
export const MIN_REQUESTS = 30;
/**
 * How likely a difference may be by chance alone for it to count. One in a hundred for each of four looks: a version that is
 * as good as the old one and has to pass its limits as well (below) is taken back far less often than that.
 */
export const CHANCE = 0.01;
/** The same while the trial goes on: it is looked four times a second, and only at failures. */
export const EARLY_CHANCE = 1e-5;
/** Fewer failures are a mishap: a client that hung up badly, a database that was restarted. */
export const MIN_FAILURES = 3;
/** Failures of a thousand requests that there may be more, however many were counted. */
export const MORE_FAILURES = 0.001;

interface Limit {
  /** The share that is at most so slow. */
  readonly quantile: number;
  /** Slower by this factor, and by {@link floorMs}, is worse. */
  readonly ratio: number;
  readonly floorMs: number;
  /** Fewer looks say nothing. */
  readonly least: number;
}

/**
 * Half as long again: compilers and caches of a newcomer are still cold, and it has fewer requests to warm them. Under 5 ms
 * more it is their doing rather than the app's.
 */
export const MEDIAN: Limit = { quantile: 0.5, ratio: 1.5, floorMs: 5, least: MIN_REQUESTS };
/** A tail is made by few requests, and by what else the machine does: twice as long, and 50 ms more. */
export const TAIL: Limit = { quantile: 0.99, ratio: 2, floorMs: 50, least: MIN_REQUESTS };
/** Of looks at the event loop, four a second: one in ten may be as bad as garbage collection and start-up make it. */
export const LOOP: Limit = { quantile: 0.9, ratio: 2, floorMs: 50, least: 8 };

/** What was seen of one side while both served. */
export interface Observed {
  readonly requests: number;
  readonly failures: number;
  /** Time to the head of a response, by bucket of `observability/histogram`. */
  readonly latencies: ArrayLike<number>;
  /** Delay of the event loop at each look, by bucket. */
  readonly loopDelays: ArrayLike<number>;
}

/** `on`: as good as the old one. `back`: worse. `unjudged`: too few requests to tell, and none failed. */
export type Verdict = 'on' | 'back' | 'unjudged';

export interface Judgement {
  readonly verdict: Verdict;
  /** For people, a sentence without its end. */
  readonly reason: string;
}

/** Compares a newcomer with those that served beside it in the same time. */
export function judge(newcomer: Observed, others: Observed): Judgement {
  const isEnough = newcomer.requests >= MIN_REQUESTS && others.requests >= MIN_REQUESTS;
  if (!isEnough) {
    const [fewest, whose] =
      newcomer.requests < MIN_REQUESTS ? [newcomer.requests, 'it'] : [others.requests, 'the old workers'];
    const few = `too few requests to judge: ${whose} had ${fewest}, and ${MIN_REQUESTS} are needed`;
    // With nothing to compare it with, a failure is held against it.
    if (newcomer.failures > 0) return { verdict: 'back', reason: `${failureText(newcomer, others)} (${few})` };
    return { verdict: 'unjudged', reason: few };
  }
  const faults = [
    failsMore(newcomer, others, CHANCE) ? failureText(newcomer, others) : null,
    slowerText(newcomer.latencies, others.latencies, MEDIAN, 'half of its answers took'),
    slowerText(newcomer.latencies, others.latencies, TAIL, 'one in a hundred of its answers took'),
    slowerText(newcomer.loopDelays, others.loopDelays, LOOP, 'one in ten times its event loop was held up for'),
  ].filter((fault) => fault !== null);
  if (faults.length > 0) return { verdict: 'back', reason: faults.join('; ') };
  return { verdict: 'on', reason: `it does as well as the old workers in ${newcomer.requests} requests` };
}

/** Why it need not be watched any longer: it fails so often that chance cannot be it. null = go on. */
export function judgeEarly(newcomer: Observed, others: Observed): Judgement | null {
  const isEnough = newcomer.requests >= MIN_REQUESTS && others.requests >= MIN_REQUESTS;
  if (!isEnough || !failsMore(newcomer, others, EARLY_CHANCE)) return null;
  return { verdict: 'back', reason: failureText(newcomer, others) };
}

function failsMore(newcomer: Observed, others: Observed, chance: number): boolean {
  const more = newcomer.failures / newcomer.requests - others.failures / others.requests;
  if (newcomer.failures < MIN_FAILURES || more < MORE_FAILURES) return false;
  return chanceOfAsMany(newcomer.failures, newcomer.requests, others.failures, others.requests) < chance;
}

function failureText(newcomer: Observed, others: Observed): string {
  return `${partText(newcomer)} of its requests failed, ${partText(others)} of the old workers'`;
}

function partText({ failures, requests }: Observed): string {
  return `${failures} of ${requests}`;
}

/**
 * Whether more of its answers lie beyond the limit than should: a test of two shares again, so that the few slow ones of a
 * small sample are no verdict.
 */
function slowerText(
  newcomer: ArrayLike<number>,
  others: ArrayLike<number>,
  { quantile, ratio, floorMs, least }: Limit,
  words: string,
): string | null {
  const usual = quantileMs(others, quantile);
  const now = quantileMs(newcomer, quantile);
  const [size, otherSize] = [sumFrom(newcomer, 0), sumFrom(others, 0)];
  if (usual === null || now === null || size < least || otherSize < least) return null;
  const first = bucketOf(Math.max(usual * ratio, usual + floorMs)) + 1;
  const [slow, otherSlow] = [sumFrom(newcomer, first), sumFrom(others, first)];
  if (slow / size <= 1 - quantile || chanceOfAsMany(slow, size, otherSlow, otherSize) >= CHANCE) return null;
  return `${words} ${durationText(now)} or more, ${durationText(usual)} with the old workers`;
}

function sumFrom(counts: ArrayLike<number>, first: number): number {
  let sum = 0;
  for (let i = first; i < BUCKETS; i++) sum += counts[i]!;
  return sum;
}
