import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader } from '../../src/link/frame-reader.ts';
import { COPY_LIMIT_BYTES, FrameWriter } from '../../src/link/frame-writer.ts';
import {
  FRAME_HEADER_BYTES,
  FrameFlag,
  FrameType,
  MAX_DATA_BYTES,
  MAX_PAYLOAD_BYTES,
  OPEN_FIXED_BYTES,
} from '../../src/link/frames.ts';
import { BatchRecorder, type Frame, FrameRecorder, readPieces } from './recorded-frames.ts';

/** Payloads from this size on are not copied into the batch. */

function writer(): { writer: FrameWriter; sink: BatchRecorder } {
  const sink = new BatchRecorder();
  return { writer: new FrameWriter(sink), sink };
}

/** What a reader makes of all that was sent. */
function framesOf(sink: BatchRecorder): Frame[] {
  const recorder = new FrameRecorder();
  assert.ok(readPieces(new FrameReader(recorder), [sink.bytes]));
  return recorder.frames;
}

test('a frame has its bytes where the protocol says', () => {
  const { writer: frames, sink } = writer();
  frames.text(FrameType.End, FrameFlag.End, 0x04030201, 'A\xff');
  assert.equal(frames.pending, 12);
  frames.flush();
  assert.deepEqual([...sink.bytes], [2, 0, 0, 0, 1, 2, 3, 4, FrameType.End, FrameFlag.End, 0x41, 0xff]);
  assert.equal(frames.pending, 0);
});

test('text that no reader would take is cut', () => {
  const { writer: frames, sink } = writer();
  for (const length of [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1]) {
    frames.text(FrameType.Head, FrameFlag.None, 1, 'x'.repeat(length));
  }
  frames.flush();
  assert.deepEqual(
    framesOf(sink).map(({ payload }) => payload.length),
    [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES],
  );
});

test('numbers go up to 2^32 - 1', () => {
  const { writer: frames, sink } = writer();
  frames.uint32(FrameType.Window, 0xffffffff, 0xfffffffe);
  frames.uint32Pair(FrameType.Load, FrameFlag.None, 0, 1, 0x80000000);
  frames.flush();
  const none = FrameFlag.None;
  assert.deepEqual(framesOf(sink), [
    { type: FrameType.Window, flags: none, stream: 0xffffffff, payload: '\xfe\xff\xff\xff' },
    { type: FrameType.Load, flags: none, stream: 0, payload: '\x01\0\0\0\0\0\0\x80' },
  ]);
});

test('an Open carries its fixed fields before the lines', () => {
  const { writer: frames, sink } = writer();
  const lines = 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n';
  frames.open(7, FrameFlag.End | FrameFlag.KeepAlive, 0x01020304, 200, 1, 0x1234, 0x00056789, 0xfedcba98, lines);
  frames.flush();
  const fixed = '\x04\x03\x02\x01\xc8\x01\x34\x12\x89\x67\x05\0\x98\xba\xdc\xfe';
  assert.equal(fixed.length, OPEN_FIXED_BYTES);
  assert.deepEqual(framesOf(sink), [{ type: FrameType.Open, flags: 5, stream: 7, payload: fixed + lines }]);
});

test('UTF-8 text arrives with the length that it has in bytes', () => {
  for (const text of ['', 'a', 'é€😀', '\ud800', 'x'.repeat(30_000), '€'.repeat(30_000)]) {
    const { writer: frames, sink } = writer();
    const length = frames.utf8(FrameType.Peer, FrameFlag.None, 1, text);
    frames.text(FrameType.Ping, FrameFlag.None, 0, '');
    frames.flush();
    const [peer, ping] = framesOf(sink);
    assert.equal(length, Buffer.byteLength(text));
    assert.equal(peer!.payload, Buffer.from(text).toString('latin1'));
    assert.equal(ping!.type, FrameType.Ping);
  }
});

test('a payload arrives whatever its size', () => {
  const sizes = [0, 1, COPY_LIMIT_BYTES - 1, COPY_LIMIT_BYTES, COPY_LIMIT_BYTES + 1, MAX_DATA_BYTES, 300_000];
  for (const size of sizes) {
    const { writer: frames, sink } = writer();
    const payload = Buffer.alloc(size, 'payload');
    frames.text(FrameType.Begun, FrameFlag.None, 1, '');
    assert.ok(frames.bytes(FrameType.Data, FrameFlag.End, 2, payload), `${size}`);
    frames.text(FrameType.End, FrameFlag.None, 3, 'tail');
    frames.flush();
    const expected = { type: FrameType.Data, flags: FrameFlag.End, stream: 2, payload: payload.toString('latin1') };
    assert.deepEqual(framesOf(sink).slice(1, 2), [expected]);
    assert.deepEqual(
      framesOf(sink).map((frame) => frame.stream),
      [1, 2, 3],
    );
  }
});

test('a small payload may be changed once it was written, a large one that was not taken may not', () => {
  const { writer: frames, sink } = writer();
  sink.takes = false;
  const small = Buffer.alloc(COPY_LIMIT_BYTES - 1, 'a');
  assert.ok(frames.bytes(FrameType.Data, FrameFlag.None, 1, small));
  small.fill('b');
  const large = Buffer.alloc(COPY_LIMIT_BYTES, 'c');
  assert.ok(!frames.bytes(FrameType.Data, FrameFlag.None, 1, large));
  assert.equal(framesOf(sink)[0]!.payload, 'a'.repeat(COPY_LIMIT_BYTES - 1));
  assert.equal(sink.lent.at(-1)!.buffer, large.buffer, 'sent from where it lies');
});

test('a view of a larger buffer sends its own bytes only', () => {
  const { writer: frames, sink } = writer();
  const whole = Buffer.alloc(60_000, 'x').fill('y', 20_000, 40_000);
  frames.bytes(FrameType.Data, FrameFlag.None, 1, whole.subarray(20_000, 40_000));
  frames.bytes(FrameType.Data, FrameFlag.None, 1, whole.subarray(20_000, 20_010));
  frames.flush();
  assert.deepEqual(
    framesOf(sink).map((frame) => frame.payload),
    ['y'.repeat(20_000), 'y'.repeat(10)],
  );
});

test('all frames until a flush leave in one batch, after one wake', () => {
  const { writer: frames, sink } = writer();
  for (let i = 0; i < 100; i++) frames.text(FrameType.Ping, FrameFlag.None, i, 'x');
  assert.equal(sink.batches.length, 0);
  frames.flush();
  frames.flush();
  assert.deepEqual([sink.wakes, sink.batches.length, framesOf(sink).length], [1, 1, 100]);
  frames.text(FrameType.Ping, FrameFlag.None, 0, '');
  assert.equal(sink.wakes, 2);
});

test('a batch that has grown large leaves without being asked, and no frame is lost or cut', () => {
  for (const size of [2000, 15_000, 16_383]) {
    const { writer: frames, sink } = writer();
    for (let i = 0; i < 50; i++) frames.text(FrameType.Head, FrameFlag.None, i, String.fromCharCode(i).repeat(size));
    frames.flush();
    assert.ok(sink.batches.length > 1 && sink.batches.every((batch) => batch.length <= 80 * 1024));
    const arrived = framesOf(sink);
    assert.equal(arrived.length, 50);
    for (const [i, frame] of arrived.entries()) assert.equal(frame.payload, String.fromCharCode(i).repeat(size));
  }
});

test('a frame larger than a batch leaves whole, and the next one after it', () => {
  const { writer: frames, sink } = writer();
  const lines = 'a'.repeat(90_000);
  frames.text(FrameType.Ping, FrameFlag.None, 1, '');
  frames.open(2, FrameFlag.None, 1, 1, 1, 4, 1, 0, lines);
  frames.text(FrameType.Ping, FrameFlag.None, 3, '');
  frames.flush();
  const arrived = framesOf(sink);
  assert.deepEqual(
    arrived.map((frame) => frame.stream),
    [1, 2, 3],
  );
  assert.equal(arrived[1]!.payload.slice(OPEN_FIXED_BYTES), lines);
});

test('memory that a sink still refers to is not written into', () => {
  const { writer: frames, sink } = writer();
  sink.takes = false;
  for (let i = 0; i < 5; i++) {
    frames.text(FrameType.Head, FrameFlag.None, i, `head ${i}`);
    if (i % 2 === 0) frames.flush();
    else frames.bytes(FrameType.Data, FrameFlag.None, i, Buffer.alloc(COPY_LIMIT_BYTES, `${i}`));
  }
  assert.ok(Buffer.concat(sink.lent).equals(sink.bytes));
});

test('the last frame of a stream is marked as the end while it is here', () => {
  for (const type of [FrameType.Head, FrameType.Data]) {
    const { writer: frames, sink } = writer();
    frames.bytes(type, FrameFlag.None, 1, Buffer.from('a'));
    assert.ok(frames.markEnd(1));
    frames.flush();
    assert.deepEqual(framesOf(sink), [{ type, flags: FrameFlag.End, stream: 1, payload: 'a' }]);
  }
});

test('an end has to be written when there is nothing to mark', () => {
  const { writer: frames, sink } = writer();
  assert.ok(!frames.markEnd(1), 'nothing was written');
  frames.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.from('a'));
  assert.ok(!frames.markEnd(2), 'of another stream');
  frames.bytes(FrameType.Data, FrameFlag.None, 2, Buffer.from('a'));
  assert.ok(!frames.markEnd(1), 'not the last');
  frames.flush();
  assert.ok(!frames.markEnd(2), 'has left');
  frames.uint32(FrameType.Window, 1, 1);
  assert.ok(!frames.markEnd(1), 'of a type that ends nothing');
  frames.text(FrameType.Interim, FrameFlag.None, 1, 'HTTP/1.1 103 Early Hints\r\n\r\n');
  assert.ok(!frames.markEnd(1), 'an interim head');
  frames.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(COPY_LIMIT_BYTES));
  assert.ok(!frames.markEnd(1), 'was sent at once, being large');
  for (let i = 0; i < 5; i++) frames.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(15_000));
  assert.ok(!frames.markEnd(1), 'left with a full batch');
  assert.ok(framesOf(sink).every((frame) => frame.flags === FrameFlag.None));
});

test('a marked end is of the last frame, not of one before it', () => {
  const { writer: frames, sink } = writer();
  frames.bytes(FrameType.Head, FrameFlag.None, 1, Buffer.from('h'));
  frames.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.from('d'));
  assert.ok(frames.markEnd(1));
  frames.flush();
  assert.deepEqual(
    framesOf(sink).map((frame) => frame.flags),
    [FrameFlag.None, FrameFlag.End],
  );
  assert.equal(sink.bytes.length, 2 * (FRAME_HEADER_BYTES + 1));
});

test('a small batch that waits behind others has memory of its size, and a large one keeps its own', () => {
  const recorder = new BatchRecorder();
  const writer = new FrameWriter(recorder);
  recorder.takes = false;
  recorder.isCongested = true;
  // Of 64 KiB on newer releases of Node, and shared by many.
  const pools: ArrayBufferLike[] = [Buffer.from('a').buffer];
  for (const length of [10, 60_000]) {
    for (let left = length; left > 0; left -= 10_000) {
      writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(Math.min(left, 10_000)));
    }
    writer.flush();
    pools.push(Buffer.from('a').buffer);
  }
  const [small, large] = recorder.lent as [Buffer, Buffer];
  assert.ok(
    small.buffer.byteLength < 16 * 1024 || pools.includes(small.buffer),
    `${small.buffer.byteLength} bytes kept for ${small.length}`,
  );
  assert.equal(large.byteOffset, 0);
  const before = Buffer.from(large);
  writer.bytes(FrameType.Data, FrameFlag.None, 1, Buffer.alloc(100, 'x'));
  assert.ok(large.equals(before), 'what is lent is not written over');
});
