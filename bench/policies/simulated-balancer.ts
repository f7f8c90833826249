import { createPolicy, DEFAULT_KNOBS } from '../../src/balancing/policies.ts';
import type { Policy } from '../../src/balancing/policy.ts';
import { mix32 } from '../../src/core/hash.ts';
import { Outcome } from '../../src/core/outcome.ts';
import { XorShift } from '../../src/core/rng.ts';
import { Endpoint } from '../../src/pool/endpoint.ts';
import { Pool } from '../../src/pool/pool.ts';

/** Targets take one request at a time here: room for one that runs and one that waits. */
const KNOBS = { ...DEFAULT_KNOBS, firstRoom: 2 };

/** A balancer as it is: pool, endpoints and policy of the product, before targets that are not. */
export class SimulatedBalancer {
  readonly #policy: Policy;
  readonly #pool = new Pool<number>();
  readonly #endpoints: readonly Endpoint<number>[];

  constructor(policy: string, targets: number, seed: number) {
    this.#policy = createPolicy(policy, new XorShift(mix32(seed)), KNOBS)!;
    this.#endpoints = Array.from({ length: targets }, (_, target) => new Endpoint(target, target, null));
    for (const endpoint of this.#endpoints) {
      endpoint.identity = `http://10.0.${endpoint.id >> 8}.${endpoint.id & 255}:8080`;
      endpoint.join(this.#pool);
    }
    this.#policy.membersChanged?.(this.#pool.members);
  }

  /** Threads of one instance know of each other what they have in flight. */
  shareLoad(others: readonly SimulatedBalancer[]): void {
    for (const endpoint of this.#endpoints) {
      const twins = others.map((other) => other.#endpoints[endpoint.id]!);
      endpoint.shareLoad({
        get othersInFlight() {
          return twins.reduce((sum, { inFlight }) => sum + inFlight, 0);
        },
      });
    }
  }

  /** Sends a request of this client. @returns to which target */
  send(client: number, nowMs: number): number {
    const endpoint = this.#policy.pick(this.#pool.eligible, null, mix32(client + 1), nowMs)!;
    endpoint.opened(nowMs);
    return endpoint.transport;
  }

  /** An answer has come, and with it how many requests the target has in hand. */
  answered(target: number, latencyMs: number, inHand: number, nowMs: number): void {
    const endpoint = this.#endpoints[target]!;
    if (this.#policy.needsLatency) endpoint.answered(latencyMs, true, nowMs);
    endpoint.closed(Outcome.Completed, 200, 0);
    endpoint.reported(inHand, nowMs);
  }
}
