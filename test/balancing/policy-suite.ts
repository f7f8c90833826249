import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Policy } from '../../src/balancing/policy.ts';
import { type Rng, XorShift } from '../../src/core/rng.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { bareEndpoint } from '../pool/endpoints.ts';

const SEEDS = [1, 2, 7, 42, 0xdeadbeef];

export function endpoints(...inFlight: number[]): Endpoint[] {
  return inFlight.map((n, id) => {
    const endpoint = bareEndpoint(id);
    endpoint.inFlight = n;
    return endpoint;
  });
}

/** What the policy picks, a moment after nothing has happened. */
export function pick(policy: Policy, eligible: readonly Endpoint[], avoid: Endpoint | null): Endpoint | null {
  return policy.pick(eligible, avoid);
}

/** How often each was picked. */
export function countPicks(policy: Policy, eligible: readonly Endpoint[], times: number, avoid?: Endpoint): number[] {
  const picks = eligible.map(() => 0);
  for (let i = 0; i < times; i++) picks[eligible.indexOf(pick(policy, eligible, avoid ?? null)!)]!++;
  return picks;
}

/** Fails unless each count is the same as the others, give or take five standard deviations of a fair choice. */
export function assertEven(picks: readonly number[]): void {
  const total = picks.reduce((sum, n) => sum + n, 0);
  const mean = total / picks.length;
  const tolerance = 5 * Math.sqrt(mean * (1 - 1 / picks.length)) + 1;
  for (const n of picks) assert.ok(Math.abs(n - mean) <= tolerance, `${picks} should be ${mean} each`);
}

/** What every policy has to keep, whatever it compares. */
export function policySuite(name: string, create: (rng: Rng) => Policy): void {
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

    test('never picks the one to be avoided, and any of the others', () => {
      for (const n of [2, 3, 8, 64]) {
        const eligible = endpoints(...Array.from({ length: n }, () => 0));
        for (const avoid of [eligible[0]!, eligible[n - 1]!]) {
          const picks = countPicks(create(new XorShift(n)), eligible, n * 100, avoid);
          assert.equal(picks[avoid.id], 0);
          assert.equal(picks.filter((count) => count > 0).length, n - 1);
        }
      }
    });

    test('is not disturbed by one to be avoided that is not eligible', () => {
      const eligible = endpoints(0, 0);
      assert.notEqual(pick(create(new XorShift(1)), eligible, bareEndpoint(9)), null);
    });

    test('spreads requests evenly over equals, under any seed', () => {
      for (const seed of SEEDS) {
        for (const n of [2, 3, 5, 8, 32]) {
          assertEven(countPicks(create(new XorShift(seed)), endpoints(...Array.from({ length: n }, () => 3)), n * 500));
        }
      }
    });

    test('spreads requests evenly while each adds to the load of its endpoint', () => {
      for (const seed of SEEDS) {
        const eligible = endpoints(0, 0, 0, 0);
        const policy = create(new XorShift(seed));
        for (let i = 0; i < 4000; i++) pick(policy, eligible, null)!.inFlight++;
        const picks = eligible.map((endpoint) => endpoint.inFlight);
        for (const n of picks) assert.ok(Math.abs(n - 1000) <= 100, `${picks}`);
      }
    });

    test('makes the same choices under the same seed', () => {
      const choices = SEEDS.map((seed) =>
        [1, 2].map(() => {
          const policy = create(new XorShift(seed));
          const eligible = endpoints(0, 0, 0, 0, 0);
          return Array.from({ length: 50 }, () => pick(policy, eligible, null)!.id).join('');
        }),
      );
      for (const [first, second] of choices) assert.equal(first, second);
      assert.equal(new Set(choices.map(([first]) => first)).size, SEEDS.length);
    });

    test('changes neither the list nor its endpoints', () => {
      const eligible = Object.freeze(endpoints(2, 1, 3));
      pick(create(new XorShift(1)), eligible, null);
      assert.deepEqual(
        eligible.map((endpoint) => [endpoint.id, endpoint.inFlight]),
        [
          [0, 2],
          [1, 1],
          [2, 3],
        ],
      );
    });
  });
}
