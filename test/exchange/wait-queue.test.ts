import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { WaitQueue } from '../../src/exchange/wait-queue.ts';
import { Road } from './recorded-exchange.ts';

/** Offers all that wait. */
function drain(queue: WaitQueue, offer: (exchange: Exchange) => boolean): void {
  queue.drain(offer, Number.POSITIVE_INFINITY);
}

/** A queue in which so many requests wait since 0 ms. */
function queueOf(n: number, limit: number = 10, timeoutMs: number = 1000) {
  const queue = new WaitQueue(limit, timeoutMs);
  const road = new Road();
  const waiting = Array.from({ length: n }, () => road.exchange());
  for (const { exchange } of waiting) assert.ok(queue.push(exchange, 0));
  return { queue, road, waiting };
}

test('who came first is offered first, and who is not taken keeps his place', () => {
  const { queue } = queueOf(4);
  const offered: string[] = [];
  drain(queue, (exchange) => offered.push(exchange.target) > 0 && exchange.target === '/2');
  assert.deepEqual(offered, ['/1', '/2', '/3', '/4']);
  offered.length = 0;
  drain(queue, (exchange) => offered.push(exchange.target) > 0);
  assert.deepEqual(offered, ['/1', '/3', '/4']);
  assert.equal(queue.length, 0);
});

test('a full queue takes no more, until a client that waits goes away', () => {
  const { queue, road, waiting } = queueOf(2, 2);
  const { exchange } = road.exchange();
  assert.ok(!queue.push(exchange, 0));
  waiting[0]!.exchange.clientLeft();
  assert.ok(queue.push(exchange, 0));
  const offered: string[] = [];
  drain(queue, (other) => offered.push(other.target) > 0);
  assert.deepEqual(offered, ['/2', '/3']);
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
