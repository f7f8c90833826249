import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ExchangeState } from '../../src/exchange/exchange.ts';
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
