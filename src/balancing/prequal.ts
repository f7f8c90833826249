import type { Rng } from '../core/rng.ts';
import type { Endpoint } from '../pool/endpoint.ts';
import { Draw } from './draw.ts';
import type { Policy } from './policy.ts';

/** Candidates of a pick. The paper probes three for each request (section 5). */
const CANDIDATES = 3;

/** An endpoint with more in flight than this part of those seen lately is hot: Q_RIF, section 4.1. */
const HOT_QUANTILE = 0.84;

/** So many of the loads seen last make up what is usual. */
const REMEMBERED = 128;

/** Loads from here on are not told apart. */
const MOST_LOAD = 1024;

/**
 * Hot and cold lanes: Wydrowski, Kleinberg, Rumble and Archer, "Load is not what you should balance: Introducing
 * Prequal", NSDI 2024. Of three that chance gives, those with unusually many requests in flight are hot. If all are hot,
 * the one with the least in flight is picked; else the cold one that will answer soonest, by what it took lately at that
 * many requests in flight.
 *
 * Nothing is sent for it: instead of probes the facts that lie on the endpoints are used. What this balancer has in flight
 * there is exact and free, what others have comes with a server's own reports as long as they are fresh, and latency is
 * measured by its answers. Workers answer probes over their link all the same (beats, signs of life), which is why one that
 * is held up is not among those to choose from. A server that others use and that reports nothing is known by its latency
 * alone: its health path tells nothing of its load.
 */
export class Prequal implements Policy {
  readonly name = 'prequal';
  readonly needsKey = false;
  readonly needsLatency = true;
  readonly #draw: Draw;
  readonly #seen = new Uint16Array(REMEMBERED);
  /** How many of {@link #seen} there are of each load. */
  readonly #counts = new Uint16Array(MOST_LOAD);
  #sightings = 0;

  constructor(rng: Rng) {
    this.#draw = new Draw(rng);
  }

  pick<T>(
    eligible: readonly Endpoint<T>[],
    avoid: Endpoint<T> | null,
    _key: number,
    nowMs: number,
  ): Endpoint<T> | null {
    let best = this.#draw.one(eligible, avoid, null);
    if (best === null) return null;
    const hottest = this.#usualLoad();
    const first = best;
    let last = best;
    this.#remember(loadOf(best, nowMs));
    for (let i = 1; i < CANDIDATES; i++) {
      const other = this.#draw.one(eligible, first, last);
      if (other === null) break;
      last = other;
      if (other === avoid) continue;
      this.#remember(loadOf(other, nowMs));
      if (isBetter(other, best, hottest, nowMs)) best = other;
    }
    return best;
  }

  #remember(load: number): void {
    const at = this.#sightings++ % REMEMBERED;
    if (this.#sightings > REMEMBERED) this.#counts[this.#seen[at]!]!--;
    const kept = Math.min(MOST_LOAD - 1, Math.floor(load));
    this.#seen[at] = kept;
    this.#counts[kept]!++;
  }

  /** The load that {@link HOT_QUANTILE} of those seen lately do not exceed. */
  #usualLoad(): number {
    const wanted = Math.min(this.#sightings, REMEMBERED) * HOT_QUANTILE;
    let load = 0;
    for (let sum = this.#counts[0]!; sum < wanted && load < MOST_LOAD - 1; ) sum += this.#counts[++load]!;
    return load;
  }
}

/** In flight there, for its share, as far as is known. */
function loadOf(endpoint: Endpoint<never> | Endpoint, nowMs: number): number {
  return (endpoint.load + endpoint.reportedInFlight(nowMs)) / endpoint.share;
}

function isBetter(
  one: Endpoint<never> | Endpoint,
  than: Endpoint<never> | Endpoint,
  hottest: number,
  nowMs: number,
): boolean {
  const load = loadOf(one, nowMs);
  const otherLoad = loadOf(than, nowMs);
  const isHot = load > hottest;
  const isOtherHot = otherLoad > hottest;
  if (isHot !== isOtherHot) return isOtherHot;
  if (isHot) return load < otherLoad;
  const latencyMs = latencyOf(one, nowMs);
  const otherMs = latencyOf(than, nowMs);
  return latencyMs === otherMs ? load < otherLoad : latencyMs < otherMs;
}

/** What a request may expect there; 0 where nothing is known, so that it is tried. */
function latencyOf(endpoint: Endpoint<never> | Endpoint, nowMs: number): number {
  const { latency, inFlight } = endpoint;
  return latency === null ? 0 : latency.atLoadMs(inFlight + 1, nowMs);
}
