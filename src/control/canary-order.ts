import { parseDuration, parseShare } from '../config/quantities.ts';
import type { ReloadOrder } from './control-target.ts';

/** Half of the requests: what is more is no trial. */
const MAX_SHARE = 0.5;
const DEFAULT_TIME = '60s';
/** In less nothing can be seen; what lasts longer is no reload. */
const MIN_MS = 1_000;
const MAX_MS = 24 * 3_600_000;

/**
 * How a new version is to be tried out, as people write it.
 * @param share `10%`; null = it is not to be
 * @param time `60s`; null = that
 * @throws RangeError that says what is wrong
 */
export function canaryOrderOf(share: string | null, time: string | null): ReloadOrder['canary'] {
  if (share === null) {
    if (time !== null) throw new RangeError('for: it says how long a new worker is tried out, and needs canary');
    return null;
  }
  const part = parseShare(share);
  if (part === null || part > MAX_SHARE) {
    throw new RangeError(
      `canary: expected a share of the requests, up to 50%, such as 10%, got ${JSON.stringify(share)}`,
    );
  }
  const forMs = parseDuration(time ?? DEFAULT_TIME);
  if (forMs === null || forMs < MIN_MS || forMs > MAX_MS) {
    throw new RangeError(`for: expected a duration from 1s to 24h, such as 60s, got ${JSON.stringify(time)}`);
  }
  return { share: part, forMs };
}
