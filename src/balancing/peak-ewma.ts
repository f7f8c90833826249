import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { Draw } from './draw.ts';
import type { Policy } from './policy.ts';

/** What a request in flight costs at an endpoint that has not answered yet: it gets one at a time until it has. ms */
const UNKNOWN_COST_MS = 60_000;

/**
 * Two that chance gives, and of them the one where the requests in flight will take less time: Finagle's
 * `P2CLoadMetric.PeakEwma` (Twitter, 2015), which Linkerd uses. The latency jumps to a slow answer at once and fades over
 * ten seconds, so that a slow endpoint is left alone and tried again.
 */
export class PeakEwma implements Policy {
  readonly name = 'peak-ewma';
  readonly needsKey = false;
  readonly needsLatency = true;
  readonly #draw: Draw;

  constructor(rng: Rng) {
    this.#draw = new Draw(rng);
  }

  pick<T>(
    eligible: readonly Endpoint<T>[],
    avoid: Endpoint<T> | null,
    _key: number,
    nowMs: number,
  ): Endpoint<T> | null {
    const first = this.#draw.one(eligible, avoid, null);
    if (first === null) return null;
    const second = this.#draw.one(eligible, avoid, first);
    return second !== null && costOf(second, nowMs) < costOf(first, nowMs) ? second : first;
  }
}

function costOf(endpoint: Endpoint<never> | Endpoint, nowMs: number): number {
  const { load, share, latency } = endpoint;
  if (latency === null) return (load * UNKNOWN_COST_MS) / share;
  return (latency.peakMs(nowMs) * (load + 1)) / share;
}
