import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Policy } from '../../src/balancing/policy.ts';
import { mix32 } from '../../src/core/hash.ts';
import { type Rng, XorShift } from '../../src/core/rng.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { bareEndpoint } from '../pool/endpoints.ts';
import { type Server, serve } from './served-pool.ts';

const SEEDS = [1, 2, 7, 42, 0xdeadbeef];

/** What a policy is expected to do in ways that others do not. */
export interface PolicyTraits {
  /** It chooses by chance, so that another seed means other choices. False: by key, or by order. */
  readonly isRandom: boolean;
  /** It spreads requests over equals. False: it fills one after the other. */
  readonly spreads: boolean;
  /** How far from its share an endpoint may be beside what chance explains, as a part of that share. */
  readonly tolerance: number;
}

export const USUAL: PolicyTraits = { isRandom: true, spreads: true, tolerance: 0 };

export function endpoints(...inFlight: number[]): Endpoint[] {
  return inFlight.map((n, id) => {
    const endpoint = bareEndpoint(id);
    endpoint.inFlight = n;
    return endpoint;
  });
}

function idle(n: number): Endpoint[] {
  return endpoints(...Array.from({ length: n }, () => 0));
}

/** What the policy picks for its nth request, a moment after nothing has happened. Every request has another key. */
export function pick<T>(
  policy: Policy,
  eligible: readonly Endpoint<T>[],
  avoid: Endpoint<T> | null,
  n: number = 0,
): Endpoint<T> | null {
  return policy.pick(eligible, avoid, mix32(n + 1), 0);
}

/** How often each was picked. */
export function countPicks(policy: Policy, eligible: readonly Endpoint[], times: number, avoid?: Endpoint): number[] {
  const picks = eligible.map(() => 0);
  for (let i = 0; i < times; i++) picks[eligible.indexOf(pick(policy, eligible, avoid ?? null, i)!)]!++;
  return picks;
}

/**
 * Fails unless each count is in proportion to its weight, give or take five standard deviations of a fair choice and what
 * is tolerated.
 */
export function assertShares(picks: readonly number[], weights: readonly number[], tolerance: number): void {
  const total = sum(picks);
  picks.forEach((n, i) => {
    const part = weights[i]! / sum(weights);
    const mean = total * part;
    const allowed = 5 * Math.sqrt(mean * (1 - part)) + 1 + mean * tolerance;
    assert.ok(Math.abs(n - mean) <= allowed, `${picks} should be as ${weights}`);
  });
}

export function assertEven(picks: readonly number[], tolerance: number = 0): void {
  assertShares(
    picks,
    picks.map(() => 1),
    tolerance,
  );
}

/** What every policy has to keep, whatever it compares. */
export function policySuite(name: string, create: (rng: Rng) => Policy, traits: PolicyTraits = USUAL): void {
  describe(name, () => {
    test('has the name it is configured by', () => {
      assert.equal(create(new XorShift(1)).name, name);
    });

    test('picks none of none', () => {
      assert.equal(pick(create(new XorShift(1)), [], null), null);
    });

    test('picks the only one, however loaded', () => {
      const only = endpoints(1_000_000);
      assert.equal(pick(create(new XorShift(1)), only, null), only[0]);
    });

    test('picks none where the only one is to be avoided', () => {
      const only = endpoints(0);
      assert.equal(pick(create(new XorShift(1)), only, only[0]!), null);
    });

    test('never picks the one to be avoided', () => {
      for (const n of [2, 3, 8, 64, 200]) {
        const eligible = idle(n);
        for (const avoid of [eligible[0]!, eligible[n - 1]!]) {
          const picks = countPicks(create(new XorShift(n)), eligible, n * 100, avoid);
          assert.equal(picks[avoid.id], 0);
          if (traits.spreads) assert.equal(picks.filter((count) => count > 0).length, n - 1);
        }
      }
    });

    test('is not disturbed by one to be avoided that is not eligible', () => {
      assert.notEqual(pick(create(new XorShift(1)), endpoints(0, 0), bareEndpoint(9)), null);
    });

    test('goes with every change of the list', () => {
      const policy = create(new XorShift(3));
      const all = idle(6);
      for (let i = 0; i < 400; i++) {
        const eligible = all.filter((_, at) => (mix32(i) & (1 << at)) !== 0);
        const picked = pick(policy, eligible, null, i);
        if (eligible.length === 0) assert.equal(picked, null);
        else assert.ok(eligible.includes(picked!), `${i}`);
      }
    });

    test('makes the same choices under the same seed', () => {
      const choices = SEEDS.map((seed) =>
        [1, 2].map(() => {
          const policy = create(new XorShift(seed));
          const eligible = idle(5);
          return Array.from({ length: 50 }, (_, i) => pick(policy, eligible, null, i)!.id).join('');
        }),
      );
      for (const [first, second] of choices) assert.equal(first, second);
      assert.equal(new Set(choices.map(([first]) => first)).size, traits.isRandom ? SEEDS.length : 1);
    });

    test('changes neither the list nor its endpoints', () => {
      const eligible = Object.freeze(endpoints(2, 1, 3));
      pick(create(new XorShift(1)), eligible, null);
      assert.deepEqual(
        eligible.map((endpoint) => [endpoint.id, endpoint.inFlight, endpoint.share]),
        [
          [0, 2, 1],
          [1, 1, 1],
          [2, 3, 1],
        ],
      );
    });

    if (traits.spreads) spreadingSuite(create, traits);
    fairnessSuite(create, traits);
  });
}

function spreadingSuite(create: (rng: Rng) => Policy, { tolerance }: PolicyTraits): void {
  test('spreads requests evenly over equals, under any seed', () => {
    for (const seed of SEEDS) {
      for (const n of [2, 3, 5, 8, 32, 200]) {
        const equals = endpoints(...Array.from({ length: n }, () => 3));
        assertEven(countPicks(create(new XorShift(seed)), equals, n * 500), tolerance);
      }
    }
  });

  test('spreads requests evenly while each adds to the load of its endpoint', () => {
    for (const seed of SEEDS) {
      const eligible = idle(4);
      const policy = create(new XorShift(seed));
      for (let i = 0; i < 4000; i++) pick(policy, eligible, null, i)!.inFlight++;
      assertEven(
        eligible.map((endpoint) => endpoint.inFlight),
        tolerance,
      );
    }
  });

  test('spreads requests in proportion to weights', () => {
    for (const weights of [
      [1, 3],
      [5, 1, 1],
      [1000, 500, 250],
      [1, 2, 3, 4, 5, 6, 7, 8],
    ]) {
      for (const seed of SEEDS) {
        const eligible = idle(weights.length);
        eligible.forEach((endpoint, i) => {
          endpoint.setWeight(weights[i]!);
        });
        assertShares(countPicks(create(new XorShift(seed)), eligible, 8000), weights, Math.max(tolerance, 0.02));
      }
    }
  });
}

/** So much of its fair share every healthy endpoint gets in the end. */
const LEAST_PART = 0.2;

/** No policy may starve a healthy endpoint: it is worth what it costs only if requests get there. */
function fairnessSuite(create: (rng: Rng) => Policy, { spreads }: PolicyTraits): void {
  function assertNobodyStarves(servers: readonly Server[], weights: readonly number[]): void {
    const total = sum(servers.map(({ served }) => served));
    servers.forEach(({ served }, i) => {
      const fair = (total * weights[i]!) / sum(weights);
      assert.ok(served >= fair * LEAST_PART, `${i} served ${served} of ${total}, fair were ${Math.round(fair)}`);
    });
  }

  // Few in flight, so that most endpoints are idle, which is what one that fills them in order is for; and so many that
  // nobody has room for all.
  for (const perServer of spreads ? [1, 40] : [40]) {
    test(`lets nobody starve with ${perServer} in flight for each`, () => {
      for (const n of [2, 5]) {
        const run = serve({ create, seed: n, weights: new Array(n).fill(1), perServer, requests: 4000 * n });
        assertNobodyStarves(run.servers, run.weights);
      }
    });
  }

  test('lets nobody starve beside one of more weight', () => {
    const run = serve({ create, seed: 5, weights: [1, 10, 1], perServer: 80, requests: 20_000 });
    assertNobodyStarves(run.servers, run.weights);
  });

  test('lets nobody starve after a slow start', () => {
    const run = serve({ create, seed: 6, weights: [1, 1, 1], perServer: 40, requests: 40_000, slowStartMs: 5000 });
    assertNobodyStarves(run.servers, run.weights);
  });

  test('forgives one that was slow and is not any more', () => {
    const run = serve({ create, seed: 7, weights: [1, 1, 1], perServer: 40, requests: 60_000, slowUntilMs: 10_000 });
    assertNobodyStarves(run.servers, run.weights);
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
