import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import type { Exchange } from '../../src/exchange/exchange.ts';
import { Method } from '../../src/http1/methods.ts';
import { Road } from './recorded-exchange.ts';

const POST = { method: Method.Post, hasBody: true };

function respond(exchange: Exchange, text: string, isLast: boolean = true): void {
  const bytes = Buffer.from(text, 'latin1');
  exchange.onHead(bytes, 0, bytes.length, isLast);
}

test('a request goes to the endpoint with the least in flight, and is done with when it was answered', () => {
  const road = new Road();
  const { endpoint, transport } = road.addEndpoint();
  const { exchange, client } = road.admit();
  assert.equal(endpoint.inFlight, 1);
  respond(exchange, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  assert.deepEqual(client.log, ['head 200 hello last', 'done']);
  assert.deepEqual(transport.log, ['open /1', 'finished']);
  assert.deepEqual([endpoint.inFlight, endpoint.finished, exchange.outcome], [0, 1, Outcome.Completed]);
});

test('a request waits for an endpoint, and is refused when too many do', () => {
  const road = new Road(1);
  const first = road.admit();
  const second = road.admit();
  assert.deepEqual(second.client.log, [`error ${Outcome.QueueFull}`, 'done']);
  const { transport } = road.addEndpoint();
  assert.deepEqual([transport.log, first.exchange.isOpened], [['open /1'], true]);
  assert.equal(road.counted.shed, 1);
});

test('a request is refused at once when no worker is expected', () => {
  const road = new Road();
  const early = road.admit();
  road.dispatcher.setUnavailable(30);
  const late = road.admit();
  for (const { exchange } of [early, late]) assert.equal(exchange.outcome, Outcome.NoWorker);
});

test('moves a POST not begun, and never one that was', () => {
  for (const hasBegun of [false, true]) {
    const road = new Road();
    const { endpoint } = road.addEndpoint();
    const { exchange, client } = road.admit(POST);
    exchange.endBody('');
    const other = road.addEndpoint();
    if (hasBegun) exchange.onBegun();
    endpoint.leaveAll();
    exchange.onEndpointLost(0);
    assert.equal(endpoint.inFlight, 0);
    assert.deepEqual(other.transport.log, hasBegun ? [] : ['open /1', 'end']);
    assert.deepEqual(client.log, hasBegun ? [`error ${Outcome.EndpointReset}`, 'done'] : []);
    assert.equal(road.counted.moved, hasBegun ? 0 : 1);
  }
});

test('tells its endpoint that a request has left it, whyever it has', () => {
  for (const leave of [(one: Exchange) => one.takeBack(0), (one: Exchange) => one.onEndpointLost(0)]) {
    const road = new Road();
    const { endpoint, transport } = road.addEndpoint();
    const { exchange } = road.admit(POST);
    road.addEndpoint();
    endpoint.leaveAll();
    leave(exchange);
    assert.equal(transport.left, 1);
    assert.equal(endpoint.inFlight, 0);
  }
});

test('runs a GET once more, and not twice', () => {
  const road = new Road();
  const first = road.addEndpoint();
  const { exchange, client } = road.admit();
  const second = road.addEndpoint();
  exchange.onBegun();
  first.endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.deepEqual(second.transport.log, ['open /1']);
  road.addEndpoint();
  exchange.onBegun();
  second.endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.deepEqual(client.log, [`error ${Outcome.EndpointReset}`, 'done']);
  assert.equal(road.counted.retried, 1);
});

test('moves a GET once more when its second endpoint was lost before it began', () => {
  const road = new Road();
  const first = road.addEndpoint();
  const { exchange } = road.admit();
  const second = road.addEndpoint();
  first.endpoint.leaveAll();
  exchange.onEndpointLost(0);
  const third = road.addEndpoint();
  second.endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.deepEqual(third.transport.log, ['open /1']);
  assert.deepEqual([road.counted.retried, road.counted.moved], [1, 1]);
});

test('runs nothing again of which the client has seen a byte', () => {
  const road = new Road();
  const { endpoint } = road.addEndpoint();
  const { exchange, client } = road.admit();
  respond(exchange, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na', false);
  road.addEndpoint();
  endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.deepEqual(client.log, ['head 200 a', `cut ${Outcome.EndpointReset}`, 'done']);
});

test('a response of which all that it declares has come is whole, though its endpoint is lost before it says so', () => {
  for (const hasBody of [false, true]) {
    const road = new Road();
    const { endpoint } = road.addEndpoint();
    const { exchange, client } = road.admit(hasBody ? POST : {});
    respond(exchange, `${LENGTH_5}123`, false);
    exchange.onBody(Buffer.from('45'), 0, 2);
    endpoint.leaveAll();
    exchange.onEndpointLost(0);
    assert.deepEqual(client.log, ['head 200 123', 'body 45', 'end', 'done']);
    assert.equal(exchange.outcome, Outcome.Completed);
  }
});

test('a response of another length than it declares is not passed off as whole', () => {
  const vectors: [string, string, (exchange: Exchange) => void][] = [
    ['too long at once', `error ${Outcome.EndpointBadResponse}`, (exchange) => respond(exchange, `${LENGTH_5}123456`)],
    ['too short at once', `error ${Outcome.EndpointBadResponse}`, (exchange) => respond(exchange, `${LENGTH_5}1234`)],
    [
      'too long later',
      `cut ${Outcome.EndpointBadResponse}`,
      (exchange) => {
        respond(exchange, `${LENGTH_5}123`, false);
        exchange.onBody(Buffer.from('456'), 0, 3);
      },
    ],
    [
      'too short later',
      `cut ${Outcome.EndpointBadResponse}`,
      (exchange) => {
        respond(exchange, `${LENGTH_5}123`, false);
        exchange.onEnd('');
      },
    ],
    ['no head', `error ${Outcome.EndpointBadResponse}`, (exchange) => respond(exchange, 'hello')],
  ];
  for (const [what, expected, act] of vectors) {
    const road = new Road();
    const { transport } = road.addEndpoint();
    const { exchange, client } = road.admit();
    act(exchange);
    assert.deepEqual(client.log.slice(-2), [expected, 'done'], what);
    assert.deepEqual(transport.log, ['open /1', 'abort', 'finished'], what);
  }
});

const LENGTH_5 = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';

test('a client that left is told nothing, and its endpoint is let go', () => {
  const road = new Road();
  const { endpoint, transport } = road.addEndpoint();
  const { exchange, client } = road.admit();
  exchange.clientLeft();
  exchange.clientLeft();
  exchange.fail(Outcome.EndpointHeadTimeout);
  assert.deepEqual(client.log, ['done']);
  assert.deepEqual(transport.log, ['open /1', 'abort', 'finished']);
  assert.deepEqual([endpoint.inFlight, exchange.outcome], [0, Outcome.ClientLeft]);
});

test('a connection that an endpoint declines goes to another, and is cut where there is none', () => {
  const road = new Road();
  road.addEndpoint();
  const { exchange, client } = road.admit({ isConnection: true });
  const other = road.addEndpoint();
  exchange.onAborted();
  assert.deepEqual([other.transport.log, client.log, road.counted.moved], [['open '], [], 1]);
  exchange.onTunnel();
  exchange.onAborted(true);
  assert.deepEqual(client.log, ['tunnel', `cut ${Outcome.EndpointAborted}`, 'done']);

  const alone = new Road();
  alone.addEndpoint();
  const refused = alone.admit({ isConnection: true });
  refused.exchange.onAborted();
  assert.deepEqual(refused.client.log, [`cut ${Outcome.EndpointAborted}`, 'done']);
});

test('a connection is moved when its endpoint is lost before it took it, and never after', () => {
  for (const isTaken of [false, true]) {
    const road = new Road();
    const { endpoint } = road.addEndpoint();
    const { exchange, client } = road.admit({ isConnection: true });
    if (isTaken) exchange.onTunnel();
    const other = road.addEndpoint();
    endpoint.leaveAll();
    exchange.onEndpointLost(0);
    assert.deepEqual(other.transport.log, isTaken ? [] : ['open ']);
    assert.deepEqual(client.log, isTaken ? ['tunnel', `cut ${Outcome.EndpointReset}`, 'done'] : []);
  }
});

for (const goes of ['stays', 'leaves'] as const) {
  test(`an endpoint that has answered is given the rest of the request as it takes it; the client ${goes}`, () => {
    const road = new Road();
    const { endpoint, transport } = road.addEndpoint();
    const { exchange, client } = road.admit({ ...POST, isLarge: true });
    respond(exchange, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    exchange.pushBody(Buffer.alloc(exchange.credit + 10, 'x'), false);
    exchange.endBody('');
    assert.ok(!exchange.isFinished, 'some of it is still here');
    if (goes === 'leaves') exchange.clientLeft();
    assert.equal(endpoint.inFlight, 1);
    exchange.onWindow(10);
    assert.deepEqual(transport.log.slice(-3), ['body 10', 'end', 'finished']);
    assert.ok(!transport.log.includes('abort'));
    assert.deepEqual([exchange.outcome, endpoint.inFlight], [Outcome.Completed, 0]);
    assert.deepEqual(client.log, ['head 200  last', 'done']);
  });
}

test('an endpoint that has answered is told when the client is gone before the end of the request', () => {
  for (const end of ['ended', 'reset'] as const) {
    const road = new Road();
    const { transport } = road.addEndpoint();
    const { exchange } = road.admit({ ...POST, isLarge: true });
    respond(exchange, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    exchange.pushBody(Buffer.alloc(exchange.credit + 10, 'x'), false);
    if (end === 'reset') exchange.endBody('');
    exchange.clientLeft(end);
    assert.ok(transport.log.includes('abort'));
    assert.equal(exchange.outcome, Outcome.ClientLeft);
  }
});
