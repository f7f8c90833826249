import assert from 'node:assert/strict';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { socketOptions } from '../../src/core/socket-options.ts';

test('a socket takes them as any others', () => {
  const options = { allowHalfOpen: true, readableHighWaterMark: 7, writableHighWaterMark: 9 };
  for (const given of [options, socketOptions(options)]) {
    const socket = new net.Socket(given);
    assert.deepEqual([socket.allowHalfOpen, socket.readableHighWaterMark, socket.writableHighWaterMark], [true, 7, 9]);
    socket.destroy();
  }
  assert.deepEqual({ ...socketOptions(options) }, options);
  assert.equal(new PassThrough(socketOptions({ highWaterMark: 3 })).readableHighWaterMark, 3);
});
