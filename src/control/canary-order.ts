import { CANARY_SHARE_EXPECTED, CANARY_TIME_EXPECTED, readCanaryShare, readCanaryTime } from '../config/canary.ts';
import type { ReloadOrder } from './control-target.ts';

/**
 * How a new version is to be tried out, as people write it; what they leave out is as the options say.
 * @param share `10%`, or `off`
 * @param time `60s`
 * @throws RangeError that says what is wrong
 */
export function canaryOrderOf(share: string | null, time: string | null): ReloadOrder['canary'] {
  if (share === 'off') {
    if (time !== null) throw new RangeError('for: nothing is tried out where canary is off');
    return 'off';
  }
  const part = share === null ? null : readCanaryShare(share);
  if (part === undefined) {
    throw new RangeError(`canary: expected ${CANARY_SHARE_EXPECTED}, or 'off', got ${JSON.stringify(share)}`);
  }
  const forMs = time === null ? null : readCanaryTime(time);
  if (forMs === undefined) {
    throw new RangeError(`for: expected ${CANARY_TIME_EXPECTED}, got ${JSON.stringify(time)}`);
  }
  return { share: part, forMs };
}
