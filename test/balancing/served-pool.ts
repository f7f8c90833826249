import type { Policy } from '../../src/balancing/policy.ts';
import { Clock } from '../../src/core/clock.ts';
import { mix32 } from '../../src/core/hash.ts';
import { Outcome } from '../../src/core/outcome.ts';
import { type Rng, XorShift } from '../../src/core/rng.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { PLAIN_POOL, Pool } from '../../src/pool/pool.ts';
import { bareEndpoint } from '../pool/endpoints.ts';

/** A request takes between 0 and twice as long at an endpoint of weight 1. */
const MEAN_SERVICE_MS = 10;

/** While it is slow an endpoint takes so many times as long. */
const SLOWNESS = 50;

export interface Server {
  readonly endpoint: Endpoint<null>;
  /** Requests that it finished in the second half of the run. */
  served: number;
  freeAtMs: number;
}

export interface Serving {
  readonly create: (rng: Rng) => Policy;
  readonly seed: number;
  readonly weights: readonly number[];
  /** Requests kept in flight, for each server. */
  readonly perServer: number;
  readonly requests: number;
  readonly slowStartMs?: number;
  /** The first server is slow until then. */
  readonly slowUntilMs?: number;
}

interface Job {
  readonly server: Server;
  readonly openedAtMs: number;
  readonly doneAtMs: number;
}

/** A pool with a policy before servers that take one request at a time, kept busy: for each answer another request. */
export function serve(serving: Serving): { servers: Server[]; weights: readonly number[] } {
  const { weights, requests, perServer, seed } = serving;
  const rng = new XorShift(seed);
  const clock = new Clock();
  clock.nowMs = 0;
  const pool = new Pool<null>({ ...PLAIN_POOL, slowStartMs: serving.slowStartMs ?? 0 }, clock);
  const policy = serving.create(rng);
  pool.onMembers(() => policy.membersChanged?.(pool.members));
  const servers = weights.map((weight, id): Server => {
    const endpoint = bareEndpoint(id);
    endpoint.setWeight(weight);
    endpoint.join(pool);
    return { endpoint, served: 0, freeAtMs: 0 };
  });
  const jobs: Job[] = [];
  let admitted = 0;
  let steppedAtMs = 0;

  const admit = (): void => {
    const endpoint = policy.pick(pool.eligible, null, mix32(++admitted), clock.nowMs)!;
    const server = servers.find((one) => one.endpoint === endpoint)!;
    endpoint.opened(clock.nowMs);
    const isSlow = server === servers[0] && clock.nowMs < (serving.slowUntilMs ?? 0);
    const serviceMs = ((rng.below(2 * MEAN_SERVICE_MS * 1000) / 1000) * (isSlow ? SLOWNESS : 1)) / endpoint.weight;
    server.freeAtMs = Math.max(server.freeAtMs, clock.nowMs) + serviceMs;
    insert(jobs, { server, openedAtMs: clock.nowMs, doneAtMs: server.freeAtMs });
  };

  for (let i = 0; i < perServer * servers.length; i++) admit();
  for (let done = 0; done < requests; done++) {
    const { server, openedAtMs, doneAtMs } = jobs.pop()!;
    clock.nowMs = doneAtMs;
    if (doneAtMs - steppedAtMs >= 250) {
      steppedAtMs = doneAtMs;
      pool.step(doneAtMs);
    }
    if (policy.needsLatency) server.endpoint.answered(doneAtMs - openedAtMs, true, doneAtMs);
    server.endpoint.closed(Outcome.Completed, 200, 0);
    if (done >= requests / 2) server.served++;
    admit();
  }
  return { servers, weights };
}

/** Keeps the list in falling order of {@link Job.doneAtMs}. */
function insert(jobs: Job[], job: Job): void {
  let low = 0;
  let high = jobs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (jobs[middle]!.doneAtMs > job.doneAtMs) low = middle + 1;
    else high = middle;
  }
  jobs.splice(low, 0, job);
}
