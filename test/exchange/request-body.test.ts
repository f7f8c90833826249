import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEPT_BODY_BYTES } from '../../src/exchange/request-body.ts';
import { Method } from '../../src/http1/methods.ts';
import { STREAM_WINDOW_BYTES } from '../../src/link/frames.ts';
import { Road } from './recorded-exchange.ts';

const POST = { method: Method.Post, hasBody: true };

test('a body that comes before an endpoint does waits for it', () => {
  const road = new Road();
  const { exchange } = road.admit(POST);
  exchange.pushBody(Buffer.from('hello, '));
  exchange.pushBody(Buffer.from('world'));
  exchange.endBody('A: b\r\n');
  const { transport } = road.addEndpoint();
  assert.deepEqual(transport.log, ['open /1', 'body 7', 'body 5', 'end A: b']);
  assert.equal(transport.sent, 'hello, world');
});

test('the memory of a piece may be used again once it was taken', () => {
  const road = new Road();
  const { exchange } = road.admit(POST);
  const bytes = Buffer.from('hello');
  assert.ok(exchange.pushBody(bytes));
  bytes.fill('x');
  assert.equal(road.addEndpoint().transport.sent, 'hello');
});

test('no more is sent than the endpoint takes, and all of it in the end', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit(POST);
  const piece = 50_000;
  let pushed = '';
  for (const letter of 'abcd') {
    pushed += letter.repeat(piece);
    exchange.pushBody(Buffer.alloc(piece, letter));
  }
  exchange.endBody('');
  assert.equal(transport.sent.length, STREAM_WINDOW_BYTES);
  exchange.onWindow(10);
  exchange.onWindow(1);
  assert.equal(transport.sent.length, STREAM_WINDOW_BYTES + 11);
  assert.ok(!transport.log.includes('end'));
  exchange.onWindow(STREAM_WINDOW_BYTES);
  assert.equal(transport.sent, pushed);
  assert.deepEqual(
    transport.log.filter((line) => line === 'end'),
    ['end'],
    'ended once',
  );
});

test('a small body that was not begun is sent again from its first byte', () => {
  const road = new Road();
  const first = road.addEndpoint();
  const { exchange } = road.admit(POST);
  exchange.pushBody(Buffer.from('hello'));
  exchange.endBody('');
  const second = road.addEndpoint();
  first.endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.deepEqual(second.transport.log, ['open /1', 'body 5', 'end']);
  assert.equal(second.transport.sent, 'hello');
});

test('a body larger than what is kept cannot be sent again', () => {
  const road = new Road();
  const { endpoint } = road.addEndpoint();
  const { exchange, client } = road.admit(POST);
  exchange.pushBody(Buffer.alloc(KEPT_BODY_BYTES));
  assert.ok(exchange.body!.isKept);
  exchange.pushBody(Buffer.alloc(1));
  assert.ok(!exchange.body!.isKept);
  road.addEndpoint();
  endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.match(client.log[0]!, /^error/);
});
