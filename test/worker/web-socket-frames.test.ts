import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WebSocketFrames } from '../../src/worker/web-socket-frames.ts';

const HEAD = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
const GOODBYE = Buffer.from([0x88, 0x02, 0x03, 0xf4]);

/** A frame of a server: RFC 6455 section 5.2. */
function frame(length: number, opcode: number = 2, isLast: boolean = true): Buffer {
  const first = (isLast ? 0x80 : 0) | opcode;
  // What a payload is made of must not matter, and these bytes look like headers.
  const payload = Buffer.alloc(length, 0x88);
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  if (length < 65_536) return Buffer.concat([Buffer.from([first, 126, length >> 8, length & 0xff]), payload]);
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

/** What goes out of these pieces, with the goodbye said after so many of them. */
function sent(pieces: readonly Buffer[], closesAfter: number): Buffer {
  const frames = new WebSocketFrames();
  const out: Buffer[] = [];
  for (let i = 0; i <= pieces.length; i++) {
    if (i === closesAfter) {
      const goodbye = frames.close(1012, 0);
      if (goodbye !== null) out.push(goodbye);
    }
    if (i < pieces.length) out.push(frames.pass(pieces[i]!));
  }
  return Buffer.concat(out);
}

test('puts a close frame between two frames, wherever they are cut', () => {
  const frames = [frame(0), frame(3, 1, false), frame(125, 0), frame(126), frame(300), frame(2, 9)];
  const all = Buffer.concat([HEAD, ...frames]);
  const ends = new Set<number>();
  let end = HEAD.length;
  for (const one of [Buffer.alloc(0), ...frames]) {
    end += one.length;
    ends.add(end);
  }
  for (let cut = 0; cut <= all.length; cut++) {
    const out = sent([all.subarray(0, cut), all.subarray(cut)], 1);
    const at = out.length - GOODBYE.length;
    assert.deepEqual(out.subarray(at), GOODBYE, `cut at ${cut}`);
    assert.deepEqual(out.subarray(0, at), all.subarray(0, at), `cut at ${cut}`);
    assert.equal(
      at,
      [...ends].find((one) => one >= cut),
      `cut at ${cut}`,
    );
  }
});

test('lets go first what the app has sent before', () => {
  const [one, two] = [frame(300), frame(70_000)];
  const frames = new WebSocketFrames();
  frames.pass(HEAD);
  assert.equal(frames.close(1012, one.length + two.length), null);
  assert.deepEqual(frames.pass(one), one);
  assert.deepEqual(frames.pass(two.subarray(0, 9)), two.subarray(0, 9));
  assert.deepEqual(frames.pass(Buffer.concat([two.subarray(9), one])), Buffer.concat([two.subarray(9), GOODBYE]));
  assert.ok(frames.isClosed);
});

test('passes on whatever it is given while nobody says goodbye', () => {
  const sizes = fc.array(fc.oneof(fc.nat(200), fc.constantFrom(125, 126, 65_535, 65_536, 70_000)), { maxLength: 6 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(300_000), { maxLength: 8 }), fc.nat(9), (lengths, cuts, closesAfter) => {
      const all = Buffer.concat([HEAD, ...lengths.map((length) => frame(length))]);
      const at = [0, ...cuts.map((cut) => cut % (all.length + 1)).sort((a, b) => a - b), all.length];
      const pieces = at.slice(1).map((end, i) => all.subarray(at[i], end));
      assert.deepEqual(sent(pieces, Number.POSITIVE_INFINITY), all);
      const out = sent(pieces, closesAfter);
      if (closesAfter > pieces.length) return;
      assert.deepEqual(out.subarray(-4), GOODBYE);
      assert.deepEqual(out.subarray(0, -4), all.subarray(0, out.length - 4));
    }),
    { numRuns: 60 },
  );
});

test('says goodbye once, and lets nothing follow', () => {
  const frames = new WebSocketFrames();
  frames.pass(HEAD);
  assert.deepEqual(frames.close(1001, 0), Buffer.from([0x88, 2, 0x03, 0xe9]));
  assert.equal(frames.isClosed, true);
  assert.equal(frames.close(1001, 0), null);
  assert.equal(frames.pass(frame(10)).length, 0);
});

test('leaves one alone that the app has closed itself, and one that was refused', () => {
  const closed = new WebSocketFrames();
  closed.pass(Buffer.concat([HEAD, frame(2, 8)]));
  assert.equal(closed.close(1012, 0), null);
  const refused = new WebSocketFrames();
  const answer = Buffer.from('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  for (const byte of answer) assert.deepEqual(refused.pass(Buffer.from([byte])), Buffer.from([byte]));
  assert.equal(refused.close(1012, 0), null);
  assert.deepEqual(refused.pass(frame(3)), frame(3));
});

test('waits for the end of the handshake', () => {
  const frames = new WebSocketFrames();
  assert.equal(frames.close(1012, 0), null);
  assert.deepEqual(frames.pass(HEAD.subarray(0, 20)), HEAD.subarray(0, 20));
  assert.deepEqual(
    frames.pass(Buffer.concat([HEAD.subarray(20), frame(5)])),
    Buffer.concat([HEAD.subarray(20), GOODBYE]),
  );
});
