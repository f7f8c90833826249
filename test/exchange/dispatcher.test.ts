import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import type { Affinity } from '../../src/exchange/affinity.ts';
import { type Exchange, ExchangeState } from '../../src/exchange/exchange.ts';
import type { Transport } from '../../src/exchange/transport.ts';
import { PLAIN_POOL, type Pool } from '../../src/pool/pool.ts';
import { until } from '../support/until.ts';
import { Road } from './recorded-exchange.ts';

/** A road with so many endpoints, each busy since 0 ms with one request, and silent; it is now 10 ms. */
function busyRoad(endpoints: number) {
  const road = new Road();
  road.clock.nowMs = 0;
  const all = Array.from({ length: endpoints }, () => road.addEndpoint());
  const first = all.map(() => {
    const { exchange } = road.exchange();
    road.dispatcher.admit(exchange, 0);
    return exchange;
  });
  for (const exchange of first) assert.equal(exchange.state, ExchangeState.Opened);
  road.clock.nowMs = 10;
  return { road, all };
}

describe('a worker that is busy and silent', () => {
  test('is asked, and the request waits for whoever answers first', () => {
    const { road, all } = busyRoad(2);
    const { exchange } = road.exchange();
    road.dispatcher.admit(exchange, 10);
    assert.equal(exchange.state, ExchangeState.Waiting);
    for (const { transport } of all) assert.equal(transport.log.at(-1), 'ask');
    all[1]!.endpoint.heard(11);
    assert.equal(exchange.state, ExchangeState.Opened);
    assert.equal(exchange.transport, all[1]!.transport);
  });

  test('is passed over for one that is idle', () => {
    const { road, all } = busyRoad(1);
    const idle = road.addEndpoint();
    const { exchange } = road.exchange();
    road.dispatcher.admit(exchange, 10);
    assert.equal(exchange.transport, idle.transport);
    assert.equal(all[0]!.transport.log.includes('ask'), false, 'nobody needed to know');
  });

  test('gets requests after all when too many wait', () => {
    const { road, all } = busyRoad(1);
    const states = Array.from({ length: 6 }, () => {
      const { exchange } = road.exchange();
      road.dispatcher.admit(exchange, 10);
      return exchange;
    }).map((exchange) => exchange.state);
    // Half of the queue's limit of ten is kept for workers that are not there.
    assert.deepEqual(states.slice(0, 5), new Array(5).fill(ExchangeState.Waiting));
    assert.equal(states[5], ExchangeState.Opened);
    assert.equal(all[0]!.endpoint.inFlight, 2);
  });

  test('gets few of those that wait when it answers', () => {
    const { road, all } = busyRoad(1);
    const waiting = Array.from({ length: 5 }, () => road.exchange().exchange);
    for (const exchange of waiting) road.dispatcher.admit(exchange, 10);
    all[0]!.endpoint.heard(11);
    assert.equal(waiting.filter((exchange) => exchange.state === ExchangeState.Opened).length, 2);
    assert.equal(road.dispatcher.queued, 3);
  });

  test('gets more as often as it answers, also while nothing that it has is finished', async () => {
    const { road, all } = busyRoad(1);
    const [{ endpoint, transport }] = all as [(typeof all)[0]];
    for (let i = 0; i < 5; i++) road.dispatcher.admit(road.exchange().exchange, 10);
    endpoint.heard(11);
    assert.equal(road.dispatcher.queued, 3);
    for (const left of [1, 0]) {
      const asked = transport.log.filter((line) => line === 'ask').length;
      await until('the next question', () => transport.log.filter((line) => line === 'ask').length > asked);
      endpoint.heard(road.clock.nowMs);
      assert.equal(road.dispatcher.queued, left);
    }
  });

  test('that has become idle, since all that it got are tunnels, gets more', async () => {
    const { road, all } = busyRoad(1);
    const [{ endpoint }] = all as [(typeof all)[0]];
    for (let i = 0; i < 5; i++) road.dispatcher.admit(road.exchange().exchange, 10);
    endpoint.heard(11);
    assert.equal(road.dispatcher.queued, 3);
    for (let i = 0; i < 3; i++) endpoint.tunnelOpened();
    await until('two more', () => road.dispatcher.queued === 1);
  });
});

test('nobody overtakes those that wait', () => {
  const { road, all } = busyRoad(1);
  const [early, late] = [road.exchange().exchange, road.exchange().exchange];
  for (let i = 0; i < 3; i++) road.dispatcher.admit(road.exchange().exchange, 10);
  road.dispatcher.admit(early!, 10);
  all[0]!.endpoint.heard(11);
  road.dispatcher.admit(late!, 11);
  assert.equal(early!.state, ExchangeState.Waiting);
  assert.equal(late!.state, ExchangeState.Waiting);
});

test('what has waited too long is not counted among those that wait', () => {
  const road = new Road();
  const requests = Array.from({ length: 3 }, () => road.admit());
  assert.deepEqual([road.counted.queued, road.counted.active], [3, 3]);
  road.dispatcher.expire(1000);
  for (const { exchange } of requests) assert.equal(exchange.outcome, Outcome.QueueTimeout);
  assert.deepEqual([road.counted.queued, road.counted.active, road.counted.shed], [0, 0, 3]);
});

describe('with a limit of requests in flight', () => {
  /** Two endpoints that may have so many each. */
  function limitedRoad(maxRequests: number) {
    const road = new Road();
    road.clock.nowMs = 0;
    road.pool.configure({ ...PLAIN_POOL, maxRequests });
    return { road, all: [road.addEndpoint(), road.addEndpoint()] };
  }

  function isOpened({ exchange }: { exchange: Exchange }): boolean {
    return exchange.state === ExchangeState.Opened;
  }

  test('what is too much waits, also when many wait, and each that finishes pulls the next', () => {
    const { road, all } = limitedRoad(2);
    const requests = Array.from({ length: 12 }, () => road.admit());
    assert.deepEqual(requests.map(isOpened), [...new Array(4).fill(true), ...new Array(8).fill(false)]);
    for (const { endpoint } of all) assert.deepEqual([endpoint.inFlight, endpoint.isFull], [2, true]);
    assert.equal(road.pool.usable.length, 2, 'a full one is there all the same');
    requests[0]!.exchange.clientLeft();
    assert.deepEqual([isOpened(requests[4]!), isOpened(requests[5]!)], [true, false]);
    assert.equal(road.dispatcher.queued, 7);
  });

  test('nobody is told that there are no workers because all are full', () => {
    const { road } = limitedRoad(1);
    const requests = Array.from({ length: 3 }, () => road.admit());
    road.dispatcher.setUnavailable(5);
    assert.equal(road.dispatcher.queued, 1);
    assert.deepEqual(requests[2]!.client.log, []);
  });

  test('what belongs to a full one waits for it, and holds nobody up', () => {
    const { road, all } = limitedRoad(1);
    road.dispatcher.bind(pinned(road.pool), null);
    const [first, second] = all;
    const [a, bound] = [road.admit({ target: '/to-1' }), road.admit({ target: '/to-1' })];
    assert.equal(a.exchange.endpoint, first!.endpoint);
    const free = road.admit({ target: '/any' });
    assert.equal(free.exchange.endpoint, second!.endpoint, 'a newcomer passes the one that waits');
    const later = road.admit({ target: '/any' });
    free.exchange.clientLeft();
    assert.equal(later.exchange.endpoint, second!.endpoint, 'and so does one behind it in the queue');
    assert.equal(isOpened(bound), false);
    a.exchange.clientLeft();
    assert.equal(bound.exchange.endpoint, first!.endpoint);
  });

  test('a tunnel takes no place', () => {
    const { road, all } = limitedRoad(1);
    const tunnels = all.map(() => road.admit({ isConnection: true }));
    const waiting = road.admit();
    assert.equal(isOpened(waiting), false);
    tunnels[0]!.exchange.onTunnel();
    assert.ok(isOpened(waiting));
    assert.equal(waiting.exchange.endpoint, tunnels[0]!.exchange.endpoint);
    tunnels[0]!.exchange.clientLeft();
    assert.equal(waiting.exchange.endpoint!.isFull, true);
  });

  test('it can be lifted, and set, while requests wait', () => {
    const { road, all } = limitedRoad(1);
    const requests = Array.from({ length: 4 }, () => road.admit());
    road.pool.configure(PLAIN_POOL);
    assert.ok(requests.every(isOpened));
    road.pool.configure({ ...PLAIN_POOL, maxRequests: 2 });
    for (const { endpoint } of all) assert.ok(endpoint.isFull);
    assert.deepEqual(road.pool.eligible, []);
  });
});

/** Requests for /to-1 belong to the first endpoint. */
function pinned(pool: Pool<Transport>): Affinity {
  return {
    admitted: (exchange: Exchange) => {
      if (exchange.target === '/to-1') exchange.prefer = [...pool.members][0]!;
    },
    holds: ({ prefer }: Exchange) => prefer?.isUsable === true,
    opening: () => {},
    membersChanged: () => {},
  } as unknown as Affinity;
}
