import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { INCOMPLETE } from '../../src/http1/request-head.ts';
import { BAD_RESPONSE, ResponseHead } from '../../src/http1/response-head.ts';
import { ACCEPTED_RESPONSES, ok, PLAIN_RESPONSE, REFUSED_RESPONSES, type ResponseFacts } from './response-vectors.ts';

/** One for all, as in the balancer: nothing of one head may show in the next. */
const HEAD = new ResponseHead();

/** Before and behind the head lies what must not be looked at. */
const OFFSET = 3;

/** Parses the first `length` bytes of the text where other bytes lie round them. */
function parse(text: string, length: number = text.length, filler: string = '\n'): number {
  const bytes = Buffer.alloc(OFFSET + text.length + 16, filler);
  bytes.write(text.slice(0, length), OFFSET, 'latin1');
  const result = HEAD.parse(bytes, OFFSET, OFFSET + length);
  return result > 0 ? result - OFFSET : result;
}

function facts(): ResponseFacts {
  const { status, framing, contentLength, keepAlive } = HEAD;
  return { status, framing, contentLength, keepAlive };
}

describe('a response head is accepted', () => {
  for (const [section, what, text, expected] of ACCEPTED_RESPONSES) {
    test(`RFC ${section}: ${what}`, () => {
      for (const body of ['', 'x', '\r\n', ok()]) {
        assert.equal(parse(text + body), text.length);
        assert.deepEqual(facts(), { ...PLAIN_RESPONSE, ...expected });
      }
    });

    test(`RFC ${section}: ${what}, split anywhere`, () => {
      for (let length = 0; length < text.length; length++) {
        for (const filler of ['\n', 'a']) assert.equal(parse(text, length, filler), INCOMPLETE, `${length} bytes`);
      }
    });
  }
});

describe('a response head is refused', () => {
  for (const [section, what, text] of REFUSED_RESPONSES) {
    test(`RFC ${section}: ${what}`, () => {
      // Refused as soon as that is certain, and for good.
      let isRefused = false;
      for (let length = 0; length <= text.length; length++) {
        const result = parse(text, length);
        assert.ok(result === BAD_RESPONSE || (result === INCOMPLETE && !isRefused), `${length} bytes: ${result}`);
        isRefused = result === BAD_RESPONSE;
      }
      assert.ok(isRefused);
    });
  }
});

test('whatever the bytes are, the end lies within them', () => {
  const vectors = [...ACCEPTED_RESPONSES, ...REFUSED_RESPONSES].map(([, , text]) => text);
  fc.assert(
    fc.property(fc.constantFrom(...vectors), fc.nat(), fc.nat(255), (vector, place, byte) => {
      const at = place % vector.length;
      const text = vector.slice(0, at) + String.fromCharCode(byte) + vector.slice(at + 1);
      const end = parse(text);
      assert.ok(
        end === BAD_RESPONSE || end === INCOMPLETE || (end >= 16 && end <= text.length),
        `${end} of ${text.length}`,
      );
      if (end > 0) assert.equal(text.slice(end - 4, end), '\r\n\r\n');
    }),
    { numRuns: 3000 },
  );
});
