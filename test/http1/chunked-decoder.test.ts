import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Chunk, ChunkedDecoder } from '../../src/http1/chunked-decoder.ts';
import { cut, decode } from './chunked-decoding.ts';
import { ACCEPTED_BODIES, REFUSED_BODIES } from './chunked-vectors.ts';

/** Places to split at: all of them, or a share when there are thousands. */
function places(text: string): number[] {
  const step = Math.max(1, Math.floor(text.length / 200));
  return Array.from({ length: Math.ceil(text.length / step) }, (_, i) => i * step);
}

describe('a chunked body is decoded', () => {
  for (const [section, what, coded, body, trailers = ''] of ACCEPTED_BODIES) {
    const expected = { verdict: Chunk.End, body, trailers, used: coded.length };

    test(`RFC ${section}: ${what}, wherever it is split`, () => {
      for (const place of places(coded)) assert.deepEqual(decode(cut(coded, [place])), expected, `at ${place}`);
      assert.deepEqual(decode([...coded]), expected, 'byte by byte');
    });

    test(`RFC ${section}: ${what}, and not a byte of what follows it`, () => {
      for (const next of ['x', '\r\n', '0\r\n\r\n']) assert.deepEqual(decode([coded + next]), expected);
    });

    test(`RFC ${section}: ${what}, once all of it is there`, () => {
      for (const place of places(coded)) assert.equal(decode([coded.slice(0, place)]).verdict, Chunk.NeedsMore);
    });
  }
});

describe('a chunked body is refused', () => {
  for (const [section, what, coded, verdict = Chunk.Bad] of REFUSED_BODIES) {
    test(`RFC ${section}: ${what}, wherever it is split`, () => {
      for (const place of places(coded)) assert.equal(decode(cut(coded, [place])).verdict, verdict, `at ${place}`);
      assert.equal(decode([...coded]).verdict, verdict, 'byte by byte');
    });
  }
});

test('a decoder that was reset knows nothing of the body before', () => {
  const decoder = new ChunkedDecoder();
  for (const [, , before] of [...ACCEPTED_BODIES, ...REFUSED_BODIES]) {
    decode([before.slice(0, before.length / 2)], decoder);
    decoder.reset();
    assert.deepEqual(decode(['1\r\nx\r\n0\r\nA:b\r\n\r\n'], decoder), {
      verdict: Chunk.End,
      body: 'x',
      trailers: 'A:b\r\n',
      used: 16,
    });
  }
});

test('data comes as views, never more than was given', () => {
  const decoder = new ChunkedDecoder();
  const bytes = Buffer.from('ffffffffffff\r\nabc');
  assert.equal(decoder.next(bytes, bytes.length), Chunk.Data);
  assert.deepEqual([decoder.dataStart, decoder.dataEnd, decoder.at], [14, 17, 17]);
  assert.equal(decoder.next(bytes, bytes.length), Chunk.NeedsMore);
});

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const text = fc.string({ unit: byte, minLength: 1, maxLength: 40, size: 'max' });
const splits = fc.array(fc.nat(10_000), { maxLength: 12 });

test('what is encoded is decoded, however it is chunked and split', () => {
  const extension = fc.constantFrom('', ';a', ' ;a=b', ';a="b\t;c"');
  const chunk = fc.tuple(text, extension);
  const trailers = fc.constantFrom('', 'A: b\r\n', 'A: b\r\nC:\r\n');
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 8 }), trailers, splits, (chunks, lines, at) => {
      const coded = chunks.map(([data, name]) => `${data.length.toString(16)}${name}\r\n${data}\r\n`).join('');
      const whole = `${coded}0\r\n${lines}\r\n`;
      const body = chunks.map(([data]) => data).join('');
      assert.deepEqual(decode(cut(whole, at)), { verdict: Chunk.End, body, trailers: lines, used: whole.length });
    }),
    { numRuns: 1000 },
  );
});

test('whatever the bytes are, splitting them changes nothing', () => {
  const vectors = [...ACCEPTED_BODIES, ...REFUSED_BODIES].map(([, , coded]) => coded).filter((c) => c.length < 100);
  const mutated = fc.tuple(fc.constantFrom(...vectors), fc.nat(99), byte).map(([coded, place, replacement]) => {
    const at = place % coded.length;
    return coded.slice(0, at) + replacement + coded.slice(at + 1);
  });
  fc.assert(
    fc.property(fc.oneof(text, mutated), splits, (coded, at) => {
      const whole = decode([coded]);
      const pieces = decode(cut(coded, at));
      assert.deepEqual({ ...pieces, used: 0 }, { ...whole, used: 0 });
      if (whole.verdict === Chunk.End) assert.equal(pieces.used, whole.used);
    }),
    { numRuns: 2000 },
  );
});
