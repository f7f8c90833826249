import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_KEY } from '../../src/balancing/policy.ts';
import { Prequal } from '../../src/balancing/prequal.ts';
import { XorShift } from '../../src/core/rng.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { endpoints } from './policy-suite.ts';

/** Having seen these for a while. */
function settled(all: Endpoint[]): () => Endpoint {
  const policy = new Prequal(new XorShift(1));
  const pick = (): Endpoint => policy.pick(all, null, NO_KEY, 1000)!;
  for (let i = 0; i < 200; i++) pick();
  return pick;
}

function withLatencies(all: Endpoint[], ...latencies: number[]): Endpoint[] {
  all.forEach((endpoint, i) => {
    endpoint.answered(latencies[i]!, true, 1000);
  });
  return all;
}

test('among the cold it picks the one that answers soonest, whatever it has in flight', () => {
  const all = withLatencies(endpoints(3, 3, 4), 30, 20, 10);
  const pick = settled([...all]);
  // 4 is what a third of those seen have: usual.
  for (let i = 0; i < 20; i++) assert.equal(pick(), all[2]);
});

test('passes over the hot, however soon they answer', () => {
  const all = withLatencies(endpoints(2, 2, 2), 30, 20, 10);
  const pick = settled(all);
  all[2]!.inFlight = 9;
  for (let i = 0; i < 5; i++) assert.equal(pick(), all[1]);
});

test('among the hot it picks the one with the least in flight', () => {
  const all = withLatencies(endpoints(2, 2, 2), 30, 20, 10);
  const pick = settled(all);
  [7, 8, 9].forEach((n, i) => {
    all[i]!.inFlight = n;
  });
  for (let i = 0; i < 5; i++) assert.equal(pick(), all[0]);
});

test('counts what others have in flight, as the endpoint has just reported', () => {
  const all = withLatencies(endpoints(2, 2, 2), 30, 20, 10);
  const pick = settled(all);
  all[2]!.reported(12, 990);
  for (let i = 0; i < 5; i++) assert.equal(pick(), all[1]);
  all[2]!.reported(2, 990);
  assert.equal(pick(), all[2]);
  all[2]!.reported(12, 900);
  assert.equal(pick(), all[2], 'what it said long ago does not count');
});
