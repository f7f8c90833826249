import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { XorShift } from '../../src/core/rng.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Transport } from '../../src/exchange/transport.ts';
import { Trial } from '../../src/exchange/trial.ts';
import { quantileMs } from '../../src/observability/histogram.ts';
import { sharedBlock, TRIAL_CELLS } from '../../src/observability/shared-memory.ts';
import { readTrial, TrialMeter, type TrialReading } from '../../src/observability/trial-meter.ts';
import type { Endpoint } from '../../src/pool/endpoint.ts';
import { Road } from './recorded-exchange.ts';

const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
const BROKEN = Buffer.from('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n');

/** Two of before and a newcomer, which has the number 10. */
function tried(share: number, timesFromMs: number = 0) {
  const road = new Road(1000);
  road.clock.nowMs = 1;
  const others = [road.addEndpoint().endpoint, road.addEndpoint().endpoint];
  const newcomer = road.addEndpoint().endpoint;
  for (const [i, endpoint] of others.entries()) endpoint.incarnation = i + 1;
  newcomer.incarnation = 10;
  newcomer.setTier(1);
  const blocks = [sharedBlock(1, TRIAL_CELLS), sharedBlock(1, TRIAL_CELLS)] as const;
  const terms = { newcomer: 10, others: new Set([1, 2]), share, countsFromMs: 0, timesFromMs };
  const trial = new Trial(terms, new TrialMeter(blocks[0], 0), new TrialMeter(blocks[1], 0), new XorShift(7));
  trial.newcomer = newcomer;
  road.dispatcher.trial = trial;
  const readings = (): [TrialReading, TrialReading] => [readTrial(blocks[0]), readTrial(blocks[1])];
  return { road, others, newcomer, trial, readings };
}

function opened(road: Road): Exchange {
  const { exchange } = road.exchange();
  road.dispatcher.admit(exchange, road.clock.nowMs);
  return exchange;
}

function answer(exchange: Exchange, head: Buffer = OK): void {
  exchange.onHead(head, 0, head.length, true);
}

describe('a newcomer that is tried out', () => {
  test('gets its share of the requests, idle as all may be', () => {
    const { road, newcomer, readings } = tried(0.1);
    for (let i = 0; i < 2_000; i++) answer(opened(road));
    const [mine, theirs] = readings();
    assert.equal(mine.requests + theirs.requests, 2_000);
    assert.equal(mine.requests, newcomer.finished);
    assert.ok(mine.requests > 160 && mine.requests < 240, `${mine.requests} of 2000`);
  });

  test('gets its share though each answer takes long, and nothing comes from it meanwhile', () => {
    const { road, newcomer, others } = tried(0.25);
    const inHand: Exchange[] = [];
    for (let i = 0; i < 2_000; i++) {
      road.clock.nowMs += 8;
      inHand.push(opened(road));
      // Asked for a sign of life, all give one.
      for (const endpoint of [newcomer, ...others]) endpoint.heard(road.clock.nowMs);
      road.clock.nowMs += 4;
      if (inHand.length > 8) answer(inHand.shift()!);
    }
    assert.ok(newcomer.finished > 400 && newcomer.finished < 600, `${newcomer.finished} of 2000`);
  });

  test('is left alone by the policy, unless nobody else is there', () => {
    const { road, others, newcomer } = tried(1e-9);
    for (let i = 0; i < 200; i++) opened(road);
    assert.equal(newcomer.inFlight, 0);
    for (const endpoint of others) endpoint.setStalled(true);
    opened(road);
    assert.equal(newcomer.inFlight, 1);
  });

  test('gets no more while it answers nothing', () => {
    const { road, newcomer, others } = tried(0.5);
    for (let i = 0; i < 400; i++) {
      const exchange = opened(road);
      if (exchange.endpoint !== newcomer) answer(exchange);
    }
    assert.ok(newcomer.inFlight <= 20, `${newcomer.inFlight} in flight`);
    assert.ok(others[0]!.finished + others[1]!.finished >= 380);
  });

  test('is as any other when its trial is over', () => {
    const { road, newcomer } = tried(0.1);
    road.dispatcher.trial = null;
    newcomer.setTier(0);
    for (let i = 0; i < 30; i++) opened(road);
    assert.equal(newcomer.inFlight, 10);
  });
});

describe('what is counted of a trial', () => {
  /** Sends one request to either. */
  function toEach(road: Road, newcomer: Endpoint<Transport>): [Exchange, Exchange] {
    let [mine, theirs]: [Exchange | null, Exchange | null] = [null, null];
    while (mine === null || theirs === null) {
      const exchange = opened(road);
      if (exchange.endpoint === newcomer && mine === null) mine = exchange;
      else if (exchange.endpoint !== newcomer && theirs === null) theirs = exchange;
      else answer(exchange);
    }
    return [mine, theirs];
  }

  test('answers from 500 on, and what an endpoint did not answer', () => {
    const { road, newcomer, readings } = tried(0.5);
    const [mine, theirs] = toEach(road, newcomer);
    const before = readings();
    answer(mine, BROKEN);
    theirs.onAborted();
    const after = readings();
    assert.equal(after[0].failures - before[0].failures, 1);
    assert.equal(after[1].failures - before[1].failures, 1);
  });

  test('the time to the head, or until the client had enough', () => {
    const { road, newcomer, readings } = tried(0.5);
    const [mine, theirs] = toEach(road, newcomer);
    road.clock.nowMs += 100;
    answer(mine);
    road.clock.nowMs += 300;
    theirs.clientLeft();
    const [slow, slower] = readings().map(({ latencies }) => quantileMs(latencies, 1)!);
    assert.ok(slow! > 90 && slow! < 125, `${slow} ms`);
    assert.ok(slower! > 350 && slower! < 500, `${slower} ms`);
    assert.equal(readings()[1].failures, 0);
  });

  test('the age of what waits for its answer, as of the last look', () => {
    const { road, newcomer, trial, readings } = tried(0.5);
    const [mine] = toEach(road, newcomer);
    for (const ageMs of [1_000, 4_000]) {
      const nowMs = mine.openedAtMs + ageMs;
      trial.step((worker) => (worker === 10 ? [mine] : []), nowMs);
      const longest = quantileMs(readings()[0].latencies, 1)!;
      assert.ok(longest > ageMs * 0.85 && longest < ageMs * 1.25, `${longest} ms`);
    }
    trial.step(() => [], 9_000);
    assert.ok(quantileMs(readings()[0].latencies, 1) === null || quantileMs(readings()[0].latencies, 1)! < 1);
  });

  test('no times while compilers are cold, but failures', () => {
    const { road, newcomer, readings } = tried(0.5, 1_000);
    const [mine] = toEach(road, newcomer);
    road.clock.nowMs += 500;
    answer(mine, BROKEN);
    const [{ failures, latencies }] = readings();
    assert.equal(failures, 1);
    assert.equal(quantileMs(latencies, 1), null);
  });
});
