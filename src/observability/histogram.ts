/**
 * Durations in buckets whose width grows with them: four to each doubling from 64 µs on, so that a percentile read from
 * them is off by a tenth at most, and the index costs a few integer steps.
 */

/** Smallest duration that is told from shorter ones: 2^6 µs. */
const LEAST_EXPONENT = 6;
/** Durations from 2^28 µs (268 s) on share the last bucket. */
const END_EXPONENT = 28;
const PER_DOUBLING = 4;

/** One below 64 µs, four for each doubling, one for the rest. */
export const BUCKETS: number = 2 + (END_EXPONENT - LEAST_EXPONENT) * PER_DOUBLING;

const END_US = 2 ** END_EXPONENT;

/** Bucket of a duration. */
export function bucketOf(ms: number): number {
  const us = ms * 1000;
  if (us >= END_US) return BUCKETS - 1;
  const whole = us | 0;
  if (whole < 64) return 0;
  const exponent = 31 - Math.clz32(whole);
  return (exponent - LEAST_EXPONENT) * PER_DOUBLING + ((whole >>> (exponent - 2)) & 3) + 1;
}

/** Where a bucket ends, exclusive. ms */
export function bucketEndMs(bucket: number): number {
  if (bucket === 0) return 2 ** LEAST_EXPONENT / 1000;
  if (bucket === BUCKETS - 1) return Number.POSITIVE_INFINITY;
  const exponent = LEAST_EXPONENT + Math.floor((bucket - 1) / PER_DOUBLING);
  return (2 ** exponent * (1 + (((bucket - 1) % PER_DOUBLING) + 1) / PER_DOUBLING)) / 1000;
}

/** Ends of the buckets that `/metrics` shows, one for each doubling: index of the last bucket, and its end in seconds. */
export const SHOWN_BUCKETS: readonly { readonly last: number; readonly seconds: number }[] = Array.from(
  { length: END_EXPONENT - LEAST_EXPONENT + 1 },
  (_, doubling) => {
    const last = doubling * PER_DOUBLING;
    return { last, seconds: bucketEndMs(last) / 1000 };
  },
);

/**
 * The duration under which a share of those counted lie, within its bucket as if they were spread evenly.
 * @param counts by bucket
 * @param share 0-1
 * @returns ms; null when there are none
 */
export function quantileMs(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let i = 0; i < BUCKETS; i++) total += counts[i]!;
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (let i = 0; i < BUCKETS; i++) {
    const count = counts[i]!;
    if (below + count >= rank && count > 0) {
      const start = i === 0 ? 0 : bucketEndMs(i - 1);
      const end = i === BUCKETS - 1 ? start : bucketEndMs(i);
      return start + (end - start) * ((rank - below) / count);
    }
    below += count;
  }
  return bucketEndMs(BUCKETS - 2);
}
