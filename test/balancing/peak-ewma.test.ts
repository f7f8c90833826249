import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeakEwma } from '../../src/balancing/peak-ewma.ts';
import { NO_KEY } from '../../src/balancing/policy.ts';
import { XorShift } from '../../src/core/rng.ts';
import { endpoints } from './policy-suite.ts';

const policy = new PeakEwma(new XorShift(1));

test('picks the one where a request will take less time', () => {
  const [slow, fast] = endpoints(0, 0) as [never, never] as ReturnType<typeof endpoints>;
  slow!.answered(50, true, 1000);
  fast!.answered(10, true, 1000);
  const pick = (): unknown => policy.pick([slow!, fast!], null, NO_KEY, 1000);
  assert.equal(pick(), fast);
  fast!.inFlight = 3;
  assert.equal(pick(), fast, '4 x 10 ms are less than 50 ms');
  fast!.inFlight = 5;
  assert.equal(pick(), slow);
});

test('gives one that has not answered yet one request at a time', () => {
  const [known, fresh] = endpoints(3, 0);
  known!.answered(10, true, 1000);
  const pick = (): unknown => policy.pick([known!, fresh!], null, NO_KEY, 1000);
  assert.equal(pick(), fresh);
  fresh!.inFlight = 1;
  assert.equal(pick(), known);
});

test('tries one that was slow again after a while', () => {
  const [bad, good] = endpoints(0, 0);
  bad!.answered(5000, true, 0);
  let nowMs = 0;
  while (nowMs < 600_000) {
    nowMs += 100;
    good!.answered(10, true, nowMs);
    if (policy.pick([bad!, good!], null, NO_KEY, nowMs) === bad) break;
  }
  assert.ok(nowMs > 20_000 && nowMs < 120_000, `${nowMs}`);
});
