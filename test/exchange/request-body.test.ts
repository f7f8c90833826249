import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeReadMemory } from '../../src/core/read-memory.ts';
import { KEPT_BODY_BYTES } from '../../src/exchange/request-body.ts';
import { Method } from '../../src/http1/methods.ts';
import { REQUEST_GRANT_BYTES, REQUEST_WINDOW_BYTES } from '../../src/link/frames.ts';
import { Road } from './recorded-exchange.ts';

const POST = { method: Method.Post, hasBody: true };

test('a body that comes before an endpoint does waits for it', () => {
  const road = new Road();
  const { exchange } = road.admit(POST);
  exchange.pushBody(Buffer.from('hello, '), false);
  exchange.pushBody(Buffer.from('world'), false);
  exchange.endBody('A: b\r\n');
  const { transport } = road.addEndpoint();
  assert.deepEqual(transport.log, ['open /1', 'body 7', 'body 5', 'end A: b']);
  assert.equal(transport.sent, 'hello, world');
});

test('the memory of a piece may be used again once it was taken', () => {
  const road = new Road();
  const { exchange } = road.admit(POST);
  const bytes = Buffer.from('hello');
  assert.ok(exchange.pushBody(bytes, false));
  bytes.fill('x');
  assert.equal(road.addEndpoint().transport.sent, 'hello');
});

test('no more is sent than the endpoint takes, and all of it in the end', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit(POST);
  const piece = 50_000;
  let pushed = '';
  for (const letter of 'abcdefg') {
    pushed += letter.repeat(piece);
    exchange.pushBody(Buffer.alloc(piece, letter), false);
  }
  exchange.endBody('');
  assert.equal(transport.sent.length, REQUEST_WINDOW_BYTES);
  exchange.onWindow(10);
  exchange.onWindow(1);
  assert.equal(transport.sent.length, REQUEST_WINDOW_BYTES + 11);
  assert.ok(!transport.log.includes('end'));
  exchange.onWindow(REQUEST_WINDOW_BYTES);
  assert.equal(transport.sent, pushed);
  assert.deepEqual(
    transport.log.filter((line) => line === 'end'),
    ['end'],
    'ended once',
  );
});

test('what is read of a large body at once finds its credit before the worker grants more', () => {
  assert.ok(takeReadMemory().length <= REQUEST_WINDOW_BYTES - REQUEST_GRANT_BYTES);
});

test('a small body that was not begun is sent again from its first byte', () => {
  const road = new Road();
  const first = road.addEndpoint();
  const { exchange } = road.admit(POST);
  exchange.pushBody(Buffer.from('hello'), false);
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
  exchange.pushBody(Buffer.alloc(KEPT_BODY_BYTES), false);
  assert.ok(exchange.body!.isWhole);
  exchange.pushBody(Buffer.alloc(1), false);
  assert.ok(!exchange.body!.isWhole);
  road.addEndpoint();
  endpoint.leaveAll();
  exchange.onEndpointLost(0);
  assert.match(client.log[0]!, /^error/);
});

test('a body that is declared to be large is not copied to be kept', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit({ ...POST, isLarge: true });
  assert.ok(exchange.body!.isWhole);
  transport.takesAtOnce = false;
  // The transport refers to the memory itself.
  assert.ok(!exchange.pushBody(Buffer.from('hello'), true));
  assert.ok(!exchange.body!.isWhole);
});

test('memory that others read into is lent to no transport', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit({ ...POST, isLarge: true });
  transport.copiesUpTo = 4;
  transport.takesAtOnce = false;
  const read = Buffer.from('hello');
  assert.ok(exchange.pushBody(read, false));
  read.fill('x');
  assert.equal(String(transport.memory[0]), 'hello');
});

test('while the kernel takes no more a body waits, and memory that was lent to it comes back when all of it is taken', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit({ ...POST, isLarge: true });
  transport.isCongested = true;
  const memory = takeReadMemory();
  memory.fill('a', 0, 100);
  assert.ok(!exchange.pushBody(memory.subarray(0, 100), true));
  assert.ok(exchange.body!.isBacklogged);
  assert.deepEqual(transport.log, ['open /1']);
  assert.deepEqual(transport.awaiting, [exchange]);
  // It is not anybody else's meanwhile.
  assert.notEqual(takeReadMemory().buffer, memory.buffer);

  transport.isCongested = false;
  exchange.onRoom();
  assert.ok(!exchange.body!.isBacklogged);
  assert.equal(transport.sent, 'a'.repeat(100));
  assert.equal(takeReadMemory().buffer, memory.buffer);
});

test('what is kept anyway may come while no endpoint takes it, what is larger may not', () => {
  const road = new Road();
  const { exchange } = road.admit(POST);
  exchange.pushBody(Buffer.alloc(KEPT_BODY_BYTES), false);
  assert.ok(exchange.body!.isBacklogged);
  assert.ok(!exchange.body!.isFull);
  exchange.pushBody(Buffer.alloc(1), false);
  assert.ok(exchange.body!.isFull);
  road.addEndpoint();
  assert.ok(!exchange.body!.isFull);
});

test('memory of what was kept is used again once the request has begun, unless the transport refers to it', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const carry = (letter: string): Buffer => {
    const { exchange } = road.admit(POST);
    exchange.pushBody(Buffer.alloc(12_000, letter), false);
    exchange.onBegun();
    return transport.memory.at(-1)!;
  };
  for (const takesAtOnce of [true, false]) {
    transport.takesAtOnce = takesAtOnce;
    // The first in memory that no other test has a part of.
    let kept = carry('a');
    while (kept.byteOffset !== 0) kept = carry('a');
    transport.takesAtOnce = true;
    for (let i = 0; i < 12; i++) carry('b');
    assert.equal(kept.toString() === 'a'.repeat(12_000), !takesAtOnce);
  }
});

test('borrowed memory is sent in one go, and is the transport’s where it still refers to it', () => {
  const road = new Road();
  const { transport } = road.addEndpoint();
  const { exchange } = road.admit({ ...POST, isLarge: true });
  const memory = takeReadMemory();
  exchange.credit = 60;
  transport.takesAtOnce = false;
  assert.ok(!exchange.pushBody(memory.subarray(0, 100), true));
  exchange.onWindow(39);
  assert.deepEqual(transport.log, ['open /1']);
  exchange.onWindow(1);
  assert.deepEqual(transport.log, ['open /1', 'body 100']);
  assert.ok(!exchange.body!.isBacklogged);
  assert.notEqual(takeReadMemory().buffer, memory.buffer);
});
