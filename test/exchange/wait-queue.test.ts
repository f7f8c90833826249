import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { Offer, WaitQueue } from '../../src/exchange/wait-queue.ts';
import { Road } from './recorded-exchange.ts';

/** A queue in which so many requests wait since 0 ms. */
function queueOf(n: number, limit: number = 10, timeoutMs: number = 1000) {
  const queue = new WaitQueue(limit, timeoutMs);
  const road = new Road();
  const waiting = Array.from({ length: n }, () => road.exchange());
  for (const { exchange } of waiting) assert.ok(queue.push(exchange, 0));
  return { queue, road, waiting };
}

/** Offers what waits until `takes` has taken so many. @returns targets in the order in which they were offered */
function drain(
  queue: WaitQueue,
  { takes = () => true, most = Number.POSITIVE_INFINITY, nowMs = 0 }: DrainSettings = {},
): string[] {
  const offered: string[] = [];
  const offer = ({ target }: Exchange): Offer => {
    offered.push(target);
    return takes(target) ? Offer.Taken : Offer.Refused;
  };
  queue.drain(offer, most, nowMs);
  return offered;
}

interface DrainSettings {
  readonly takes?: (target: string) => boolean;
  readonly most?: number;
  readonly nowMs?: number;
}

test('who came first is offered first, and who is not taken keeps his place', () => {
  const { queue } = queueOf(4);
  assert.deepEqual(drain(queue, { takes: (target) => target === '/3', most: 1 }), ['/1', '/2', '/3']);
  assert.deepEqual(drain(queue), ['/1', '/2', '/4']);
  assert.equal(queue.length, 0);
});

test('nobody is offered any more when nobody takes anything', () => {
  const { queue } = queueOf(3);
  let offers = 0;
  queue.drain(() => (++offers === 2 ? Offer.Nobody : Offer.Refused), 1, 0);
  assert.deepEqual([offers, queue.length], [2, 3]);
});

test('one that could not be opened after all waits at the end, not twice', () => {
  const { queue, waiting } = queueOf(2);
  queue.drain(
    (exchange) => {
      exchange.waiting?.leave();
      queue.push(exchange, 5);
      return Offer.Taken;
    },
    1,
    5,
  );
  assert.equal(queue.length, 2);
  assert.equal(waiting[0]!.exchange.waiting?.sinceMs, 5);
  assert.deepEqual(drain(queue, { nowMs: 5 }), ['/2', '/1']);
});

test('who comes back from an endpoint stands before those that came after it', () => {
  const { queue, road } = queueOf(1);
  const [, ...others] = [10, 20, 30].map((startedAtMs) => {
    const { exchange } = road.exchange({ startedAtMs });
    queue.push(exchange, startedAtMs);
    return exchange;
  });
  others[0]!.waiting?.taken(40);
  queue.push(road.exchange({ startedAtMs: 45 }).exchange, 45);
  queue.push(others[0]!, 50);
  queue.push(road.exchange({ startedAtMs: -1 }).exchange, 50);
  assert.deepEqual(drain(queue, { nowMs: 50 }), ['/6', '/1', '/2', '/3', '/4', '/5']);
  assert.equal(queue.length, 0);
});

describe('a queue that has been standing for half of what a request may wait', () => {
  test('serves the newest first, until no old ones are left', () => {
    const { queue, road } = queueOf(2);
    for (const nowMs of [400, 450, 501]) queue.push(road.exchange().exchange, nowMs);
    assert.deepEqual(drain(queue, { most: 1, nowMs: 500 }), ['/1'], 'half is not more than half');
    assert.deepEqual(drain(queue, { most: 2, nowMs: 501 }), ['/5', '/4']);
    assert.equal(queue.expire(1000), 1, 'the old one is what the limit takes');
    queue.push(road.exchange().exchange, 800);
    assert.deepEqual(drain(queue, { most: 2, nowMs: 850 }), ['/3', '/6'], 'in order again');
  });

  test('keeps its order where there is no limit of age', () => {
    const { queue } = queueOf(3, 10, 0);
    assert.deepEqual(drain(queue, { nowMs: 1e9 }), ['/1', '/2', '/3']);
  });

  test('answers in time most of what it can answer, at twice its capacity', () => {
    const queue = new WaitQueue(1000, 1000);
    const road = new Road(0);
    const waited: number[] = [];
    // A request every 5 ms, and every 10 ms one is served.
    for (let nowMs = 0; nowMs < 20_000; nowMs += 5) {
      queue.push(road.exchange().exchange, nowMs);
      if (nowMs % 250 === 0) queue.expire(nowMs);
      if (nowMs % 10 !== 0) continue;
      const note = ({ waiting }: Exchange): Offer => {
        if (nowMs > 5_000) waited.push(nowMs - waiting!.sinceMs);
        return Offer.Taken;
      };
      queue.drain(note, 1, nowMs);
    }
    waited.sort((a, b) => a - b);
    const median = waited[waited.length >> 1]!;
    assert.ok(waited.length > 1450, `${waited.length} were served`);
    assert.ok(median < 100, `the median waited ${median} ms; first come, first served, that would be nearly 1000`);
    assert.ok(waited.at(-1)! <= 510, `the longest waited ${waited.at(-1)} ms`);
  });
});

test('a full queue takes no more, until a client that waits goes away', () => {
  const { queue, road, waiting } = queueOf(2, 2);
  const { exchange } = road.exchange();
  assert.ok(!queue.push(exchange, 0));
  waiting[0]!.exchange.clientLeft();
  assert.equal(queue.length, 1);
  assert.ok(queue.push(exchange, 0));
  assert.deepEqual(drain(queue), ['/2', '/3']);
});

test('it knows how many wait for one endpoint', () => {
  const { queue, road } = queueOf(1);
  const { exchange } = road.exchange();
  queue.push(exchange, 0, true);
  assert.deepEqual([queue.length, queue.bound], [2, 1]);
  exchange.clientLeft();
  assert.deepEqual([queue.length, queue.bound], [1, 0]);
});

test('a queue of length 0 takes nobody', () => {
  const { queue, road } = queueOf(0, 0);
  assert.ok(!queue.push(road.exchange().exchange, 0));
});

test('who has waited too long is answered, and nobody else', () => {
  const { queue, road, waiting } = queueOf(2);
  const late = road.exchange();
  queue.push(late.exchange, 500);
  assert.equal(queue.expire(999), 0);
  assert.equal(queue.expire(1000), 2);
  for (const { client } of waiting) assert.deepEqual(client.log, [`error ${Outcome.QueueTimeout}`, 'done']);
  assert.deepEqual([queue.length, late.client.log.length], [1, 0]);
  assert.equal(queue.expire(1500), 1);
});

test('who comes back from an endpoint waits for what was left', () => {
  const { queue, waiting } = queueOf(1);
  const [{ exchange }] = waiting as [(typeof waiting)[0]];
  exchange.waiting?.taken(400);
  assert.equal(queue.length, 0);
  queue.push(exchange, 5000);
  assert.equal(queue.expire(5599), 0);
  assert.equal(queue.expire(5600), 1);
});

test('without a limit of age nobody waits too long', () => {
  const { queue } = queueOf(2, 10, 0);
  assert.equal(queue.expire(Number.MAX_SAFE_INTEGER), 0);
  assert.equal(queue.length, 2);
});

test('all can be refused at once, but for those who have left', () => {
  const { queue, waiting } = queueOf(3);
  waiting[1]!.exchange.clientLeft();
  assert.equal(queue.refuseAll(Outcome.NoWorker), 2);
  assert.equal(queue.length, 0);
  assert.deepEqual(
    waiting.map(({ exchange }) => exchange.outcome),
    [Outcome.NoWorker, Outcome.ClientLeft, Outcome.NoWorker],
  );
});
