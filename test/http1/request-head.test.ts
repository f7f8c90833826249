import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Outcome } from '../../src/core/outcome.ts';
import { methodName } from '../../src/http1/method-names.ts';
import { Framing, type HeadLimits, INCOMPLETE, RequestHead } from '../../src/http1/request-head.ts';
import { ACCEPTED, type Facts, head, LIMITS, PLAIN, REFUSED } from './request-vectors.ts';

const { ClientBadRequest, ClientMethodUnknown, ClientVersionUnknown } = Outcome;
const { ClientTargetTooLong, ClientHeadTooLarge, ClientCodingUnknown } = Outcome;

/** One for all, as on a connection: nothing of one head may show in the next. */
const HEAD = new RequestHead();

/** Before and behind the head lies what must not be looked at. */
const OFFSET = 5;

/** Parses the first `length` bytes of the text where other bytes lie round them. */
function parse(text: string, length: number, limits: Partial<HeadLimits> = {}, filler: string = '\n'): number {
  const bytes = Buffer.alloc(OFFSET + text.length + 16, filler);
  bytes.write(text.slice(0, length), OFFSET, 'latin1');
  const result = HEAD.parse(bytes, OFFSET, OFFSET + length, { ...LIMITS, ...limits });
  return result > 0 ? result - OFFSET : result;
}

function factsOf(text: string): Facts {
  const { minorVersion, framing, contentLength, keepAlive, wantsUpgrade } = HEAD;
  return {
    method: methodName(HEAD.method),
    target: text.slice(HEAD.targetStart - OFFSET, HEAD.targetEnd - OFFSET),
    minorVersion,
    framing,
    contentLength,
    keepAlive,
    wantsUpgrade,
  };
}

/** The outcome's name, for messages that can be read. */
function nameOf(result: number): string {
  if (result >= 0) return `${result}`;
  return Object.entries(Outcome).find(([, value]) => value === -result)?.[0] ?? `unknown ${result}`;
}

describe('a request head is accepted', () => {
  for (const [section, what, text, facts, limits] of ACCEPTED) {
    test(`RFC ${section}: ${what}`, () => {
      assert.equal(nameOf(parse(text, text.length, limits)), `${text.length}`);
      assert.deepEqual(factsOf(text), { ...PLAIN, ...facts });
      assert.equal(HEAD.start - OFFSET, text.search(/[^\r\n]/), 'start');
    });

    test(`RFC ${section}: ${what}, once all of it is there`, () => {
      for (let length = 0; length < text.length; length++) {
        for (const filler of ['\n', 'a', '\0']) {
          assert.equal(nameOf(parse(text, length, limits, filler)), `${INCOMPLETE}`, `the first ${length} bytes`);
        }
      }
    });

    test(`RFC ${section}: ${what}, and not a byte of what follows it`, () => {
      for (const next of ['x', '\r\n', 'GET / HTTP/1.1\r\n\r\n']) {
        assert.equal(nameOf(parse(text + next, text.length + next.length, limits)), `${text.length}`);
        assert.deepEqual(factsOf(text), { ...PLAIN, ...facts });
      }
    });
  }
});

describe('a request head is refused', () => {
  for (const [section, what, text, outcome, limits] of REFUSED) {
    test(`RFC ${section}: ${what}`, () => {
      assert.equal(nameOf(parse(text, text.length, limits)), nameOf(-outcome));
    });

    test(`RFC ${section}: ${what}, wherever it is split`, () => {
      let isRefused = false;
      for (let length = 0; length <= text.length; length++) {
        const result = parse(text, length, limits);
        if (!isRefused && result === INCOMPLETE) continue;
        assert.equal(nameOf(result), nameOf(-outcome), `the first ${length} bytes`);
        isRefused = true;
      }
      assert.ok(isRefused);
    });
  }
});

test('a request without an end is refused when it reaches the limit, not later', () => {
  for (const [text, outcome] of [
    ['G', ClientTargetTooLong],
    ['GET /', ClientTargetTooLong],
    ['GET / HTTP/1.1\r\nHost: a\r\nA: b', ClientHeadTooLarge],
    ['GET / HTTP/1.1\r\nHost: a\r\nA:  ', ClientHeadTooLarge],
    ['GET / HTTP/1.1\r\nHost: a\r\nA', ClientHeadTooLarge],
  ] as const) {
    const endless = text + text.at(-1)!.repeat(100);
    assert.equal(nameOf(parse(endless, 63, { maxHeadBytes: 64 })), `${INCOMPLETE}`, text);
    assert.equal(nameOf(parse(endless, 64, { maxHeadBytes: 64 })), nameOf(-outcome), text);
  }
});

describe('whatever the bytes are', () => {
  const results = new Set<number>([
    ClientBadRequest,
    ClientMethodUnknown,
    ClientVersionUnknown,
    ClientTargetTooLong,
    ClientHeadTooLarge,
    ClientCodingUnknown,
  ]);

  /** Throws unless the answer is one of those that are documented. */
  function check(text: string): void {
    const result = parse(text, text.length, { maxHeadBytes: 200 });
    if (result < 0) assert.ok(results.has(-result), `${result}`);
    else if (result > 0) {
      assert.ok(result <= text.length && result - (HEAD.start - OFFSET) <= 200, `end ${result}`);
      assert.ok(HEAD.start < HEAD.targetStart && HEAD.targetStart < HEAD.targetEnd && HEAD.targetEnd < result + OFFSET);
    } else assert.ok(text.length < 210, 'incomplete, and longer than the limit');
  }

  test('the answer is documented', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((b) => String.fromCharCode(b)) }), check),
    );
    const pieces = [
      'GET',
      ' ',
      '/',
      'HTTP/1.1',
      '\r\n',
      '\r',
      '\n',
      'Host',
      ':',
      'a',
      'Content-Length',
      '5',
      '\0',
      'x'.repeat(90),
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
        check,
      ),
      { numRuns: 2000 },
    );
  });

  test('a refusal stays one and an end stays where it is, however much follows', () => {
    const vectors = [...ACCEPTED.map(([, , text]) => text), ...REFUSED.map(([, , text]) => text)];
    fc.assert(
      fc.property(fc.constantFrom(...vectors), fc.nat(), fc.nat(255), fc.nat(200), (vector, place, byte, length) => {
        const at = place % vector.length;
        const text = vector.slice(0, at) + String.fromCharCode(byte) + vector.slice(at + 1);
        const early = parse(text, Math.min(length, text.length));
        if (early !== INCOMPLETE) assert.equal(nameOf(parse(text, text.length)), nameOf(early));
      }),
      { numRuns: 3000 },
    );
  });
});

test('what is serialized is read back', () => {
  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
  const value = fc.stringMatching(/^[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/);
  const field = fc
    .tuple(token, value)
    .filter(([name]) => !/^(?:host|content-length|transfer-encoding|connection|upgrade|expect)$/i.test(name));
  const target = fc.stringMatching(/^\/[!"$-~]{0,30}$/);
  const body = fc.oneof(fc.constant(null), fc.constant('chunked' as const), fc.nat(1e9));
  fc.assert(
    fc.property(target, fc.array(field, { maxLength: 8 }), body, fc.boolean(), (path, fields, length, close) => {
      const lines = fields.map(([name, text]) => `${name}: ${text}`);
      if (length === 'chunked') lines.push('Transfer-Encoding: chunked');
      else if (length !== null) lines.push(`Content-Length: ${length}`);
      if (close) lines.push('Connection: close');
      const text = head(`PUT ${path} HTTP/1.1`, 'Host: a', ...lines);
      assert.equal(nameOf(parse(text, text.length)), `${text.length}`);
      const contentLength = typeof length === 'number' ? length : 0;
      const framing = length === 'chunked' ? Framing.Chunked : contentLength > 0 ? Framing.Length : Framing.None;
      assert.deepEqual(factsOf(text), {
        ...PLAIN,
        method: 'PUT',
        target: path,
        framing,
        contentLength,
        keepAlive: !close,
      });
    }),
    { numRuns: 500 },
  );
});
