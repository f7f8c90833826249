import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { FrameReader, readUint32 } from '../../src/link/frame-reader.ts';
import { FrameWriter } from '../../src/link/frame-writer.ts';
import { FRAME_HEADER_BYTES, FrameFlag, FrameType, MAX_PAYLOAD_BYTES } from '../../src/link/frames.ts';
import { BatchRecorder, type Frame, FrameRecorder, readPieces } from './recorded-frames.ts';

const TYPES: readonly number[] = Object.values(FrameType);

/** A frame's bytes, whether the protocol allows them or not. */
function raw(type: number, flags: number, stream: number, payload: string, length: number = payload.length): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  bytes.writeUint32LE(length, 0);
  bytes.writeUint32LE(stream, 4);
  bytes[8] = type;
  bytes[9] = flags;
  bytes.write(payload, FRAME_HEADER_BYTES, 'latin1');
  return bytes;
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((place, i) => bytes.subarray(sorted[i]!, place));
}

test('one frame of every type arrives, wherever the bytes are split', () => {
  const expected: Frame[] = TYPES.flatMap((type) =>
    ['', 'p', 'payload'].map((payload, i) => ({ type, flags: i, stream: type * 1000 + i, payload })),
  );
  const sink = new BatchRecorder();
  const writer = new FrameWriter(sink);
  for (const { type, flags, stream, payload } of expected) writer.text(type, flags, stream, payload);
  writer.flush();
  for (let place = 0; place <= sink.bytes.length; place++) {
    const recorder = new FrameRecorder();
    assert.ok(readPieces(new FrameReader(recorder), cut(sink.bytes, [place])));
    assert.deepEqual(recorder.frames, expected, `split at ${place}`);
  }
  const recorder = new FrameRecorder();
  assert.ok(readPieces(new FrameReader(recorder), cut(sink.bytes, [...sink.bytes.keys()])));
  assert.deepEqual(recorder.frames, expected, 'byte by byte');
});

test('what is written is read, however large and however split', () => {
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });
  const size = fc.oneof(fc.nat(40), fc.nat(40), fc.integer({ min: 16_000, max: 17_000 }), fc.nat(MAX_PAYLOAD_BYTES));
  const frame = fc.record({
    type: fc.constantFrom(...TYPES),
    flags: fc.nat(7),
    stream: uint32,
    size,
    copy: fc.boolean(),
  });
  const splits = fc.array(fc.nat(), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), splits, fc.boolean(), (frames, places, takes) => {
      const sink = new BatchRecorder();
      sink.takes = takes;
      const writer = new FrameWriter(sink);
      const expected = frames.map(({ type, flags, stream, size: length, copy }, i) => {
        const payload = String.fromCharCode(65 + i).repeat(length);
        if (copy) writer.text(type, flags, stream, payload);
        else writer.bytes(type, flags, stream, Buffer.from(payload, 'latin1'));
        return { type, flags, stream, payload };
      });
      writer.flush();
      const recorder = new FrameRecorder();
      assert.ok(readPieces(new FrameReader(recorder), cut(sink.bytes, places)));
      assert.deepEqual(recorder.frames, expected);
    }),
    { numRuns: 200 },
  );
});

test('Data is handed on as it comes, and told to be the last once', () => {
  const pieces: [number, boolean][] = [];
  const reader = new FrameReader({
    onFrame: () => assert.fail('no other frame'),
    onData: (_flags, _stream, _bytes, start, end, last) => pieces.push([end - start, last]) > 0,
  });
  const bytes = raw(FrameType.Data, 0, 1, 'x'.repeat(30));
  assert.ok(readPieces(reader, cut(bytes, [5, 10, 20, 39])));
  assert.deepEqual(pieces, [
    [10, false],
    [19, false],
    [1, true],
  ]);
});

test('Data may be longer than what has to be held whole', () => {
  const recorder = new FrameRecorder();
  const bytes = raw(FrameType.Data, FrameFlag.End, 1, 'x'.repeat(MAX_PAYLOAD_BYTES * 2));
  assert.ok(readPieces(new FrameReader(recorder), cut(bytes, [MAX_PAYLOAD_BYTES])));
  assert.equal(recorder.frames[0]!.payload.length, MAX_PAYLOAD_BYTES * 2);
});

test('another frame may be as long as the bound and not a byte longer', () => {
  for (const type of [...TYPES.filter((type) => type !== FrameType.Data), 0, 99, 255]) {
    const longest = raw(type, 0, 1, 'x'.repeat(MAX_PAYLOAD_BYTES));
    const recorder = new FrameRecorder();
    assert.ok(readPieces(new FrameReader(recorder), cut(longest, [3, 50_000])));
    assert.equal(recorder.frames[0]!.payload.length, MAX_PAYLOAD_BYTES);
    for (const place of [0, 1, 9, 10]) {
      const reader = new FrameReader(new FrameRecorder());
      const header = raw(type, 0, 1, '', MAX_PAYLOAD_BYTES + 1);
      assert.ok(!readPieces(reader, cut(header, [place])));
      assert.ok(reader.failed);
    }
  }
});

test('nothing is read after the protocol was broken or the handler has had enough', () => {
  const recorder = new FrameRecorder();
  const reader = new FrameReader(recorder);
  const frame = raw(FrameType.Ping, 0, 1, '');
  assert.ok(!readPieces(reader, [raw(FrameType.Ping, 0, 1, '', 0xffffffff), frame]));
  assert.ok(!readPieces(reader, [frame]));
  assert.equal(recorder.frames.length, 0);

  for (const bytes of [frame, raw(FrameType.Data, 0, 1, 'abc'), raw(FrameType.Data, 0, 1, '')]) {
    for (const place of [0, 5, 10]) {
      const second = new FrameRecorder();
      second.onEvent = () => false;
      const other = new FrameReader(second);
      assert.ok(!readPieces(other, cut(Buffer.concat([bytes, frame]), [place])));
      assert.ok(other.failed && !readPieces(other, [frame]));
      assert.ok(second.frames.length <= 1);
    }
  }
});

test('a handler that throws costs no frame: reading goes on at the position', () => {
  const bytes = Buffer.concat([
    raw(FrameType.Open, 1, 1, 'first'),
    raw(FrameType.Data, 0, 2, 'data'),
    raw(FrameType.Data, 1, 2, ''),
    raw(FrameType.End, 0, 3, ''),
    raw(FrameType.Window, 0, 4, 'last'),
  ]);
  const expected = new FrameRecorder();
  readPieces(new FrameReader(expected), [bytes]);
  for (let place = 0; place <= bytes.length; place++) {
    const recorder = new FrameRecorder();
    const reader = new FrameReader(recorder);
    recorder.onEvent = () => {
      throw new Error('of the app');
    };
    for (const piece of cut(bytes, [place])) {
      let at = 0;
      for (let turn = 0; turn < 10; turn++) {
        try {
          assert.ok(reader.read(piece, at, piece.length));
          break;
        } catch (error) {
          assert.equal((error as Error).message, 'of the app');
          assert.ok(reader.position > at && reader.position <= piece.length, 'the position has moved on');
          at = reader.position;
        }
      }
    }
    assert.deepEqual(recorder.frames, expected.frames, `split at ${place}`);
  }
});

test('garbage is read or refused, never thrown at', () => {
  const header = fc
    .tuple(fc.nat(200), fc.nat(255), fc.nat(255), fc.uint8Array({ maxLength: 100 }))
    .map(([length, type, flags, rest]) => Buffer.concat([raw(type, flags, 1, '', length), rest]));
  const garbage = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.array(header, { maxLength: 5 }).map(Buffer.concat));
  fc.assert(
    fc.property(garbage, fc.array(fc.nat(), { maxLength: 10 }), (noise, places) => {
      const bytes = Buffer.from(noise);
      const whole = new FrameRecorder();
      const pieces = new FrameRecorder();
      const isGood = readPieces(new FrameReader(whole), [bytes]);
      assert.equal(readPieces(new FrameReader(pieces), cut(bytes, places)), isGood);
      assert.deepEqual(pieces.frames, whole.frames);
    }),
    { numRuns: 2000 },
  );
});

test('a reader holds no more than one frame, whatever it is sent', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const readers = Array.from({ length: 50 }, () => new FrameReader(new FrameRecorder()));
  const drop = Buffer.alloc(1, 'x');
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (const reader of readers) {
    assert.ok(readPieces(reader, [raw(FrameType.Head, 0, 1, '', MAX_PAYLOAD_BYTES)]));
    for (let i = 0; i < 1000; i++) reader.read(drop, 0, 1);
  }
  collect();
  const held = process.memoryUsage().arrayBuffers - before;
  assert.ok(held < readers.length * (MAX_PAYLOAD_BYTES + 4096) + 1e6, `${held} bytes held`);
  assert.ok(readers.every((reader) => !reader.failed));
});

test('reads unsigned numbers', () => {
  assert.equal(readUint32(Buffer.from([0, 1, 2, 3, 0xff]), 1), 0xff030201);
});
