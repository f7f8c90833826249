import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownFields } from '../../src/http1/known-fields.ts';
import { type HeadLimits, RequestHead } from '../../src/http1/request-head.ts';
import { ACCEPTED, head, LIMITS, REFUSED } from './request-vectors.ts';

const HEAD = new RequestHead();

/** All that a head says, by whatever way it was found out, of the first `length` bytes. */
function said(text: string, known: KnownFields | null, limits: HeadLimits, length: number = text.length): unknown {
  const bytes = Buffer.from(`${text}GET / `, 'latin1');
  const end = HEAD.parse(bytes, 0, length, limits, known);
  if (end <= 0) return { end };
  const { method, targetStart, targetEnd, minorVersion, framing, contentLength, keepAlive, wantsUpgrade } = HEAD;
  const host = bytes.latin1Slice(HEAD.hostStart, HEAD.hostEnd);
  return { end, method, targetStart, targetEnd, minorVersion, framing, contentLength, keepAlive, wantsUpgrade, host };
}

function knownFrom(text: string, limits: HeadLimits = { ...LIMITS, requireHost: false }): KnownFields {
  const known = new KnownFields();
  const bytes = Buffer.from(text, 'latin1');
  const end = HEAD.parse(bytes, 0, bytes.length, limits);
  if (end > 0) HEAD.tell(known, bytes, end);
  return known;
}

const VECTORS = [...ACCEPTED, ...REFUSED].map(([, , text]) => text).filter((text) => text.length < 2000);
const LIMITS_OF: readonly HeadLimits[] = [
  LIMITS,
  { ...LIMITS, requireHost: false },
  { ...LIMITS, maxFields: 2 },
  { ...LIMITS, maxHeadBytes: 60 },
];

test('a head says the same, whatever fields are known', () => {
  for (const before of VECTORS) {
    const known = knownFrom(before);
    for (const text of VECTORS) {
      for (const limits of LIMITS_OF) {
        assert.deepEqual(said(text, known, limits), said(text, null, limits), JSON.stringify([before, text]));
      }
    }
  }
});

test('known fields mean the same behind any request line, wherever the head is split', () => {
  const lines = [
    'GET / HTTP/1.1',
    'POST /longer?x HTTP/1.1',
    'CONNECT a:80 HTTP/1.1',
    'GET / HTTP/1.0',
    'BAD',
    '\r\nGET / HTTP/1.1',
  ];
  for (const before of VECTORS) {
    const known = knownFrom(before);
    const fields = before.slice(before.indexOf('\r\n') + 2);
    for (const line of lines) {
      const text = `${line}\r\n${fields}`;
      for (const limits of LIMITS_OF) {
        for (let length = 0; length <= text.length; length++) {
          const seen = said(text, known, limits, length);
          assert.deepEqual(seen, said(text, null, limits, length), JSON.stringify([text, length]));
        }
      }
    }
  }
});

const known = (known: KnownFields, text: string): boolean =>
  known.stand(Buffer.from(text), text.indexOf('\r\n') + 2, text.length);

test('knows the fields of the last head, not of those before, nor others of the same length', () => {
  for (const filler of ['', 'x'.repeat(200)]) {
    const first = head('GET /a HTTP/1.1', 'Host: a', `A: 1${filler}`);
    const second = head('GET /a HTTP/1.1', 'Host: a', `A: 2${filler}`);
    const fields = knownFrom(first);
    assert.ok(known(fields, first) && known(fields, first.replace('/a', '/other')));
    assert.ok(!known(fields, second));
    const bytes = Buffer.from(second);
    HEAD.tell(fields, bytes, HEAD.parse(bytes, 0, bytes.length, LIMITS, fields));
    assert.deepEqual([known(fields, first), known(fields, second)], [false, true]);
  }
});

test('gives up where fields are long, or always others', () => {
  const long = head('GET / HTTP/1.1', 'Host: a', `A: ${'x'.repeat(5000)}`);
  assert.equal(knownFrom(long).length, 0);
  const fields = new KnownFields();
  const meet = (value: number): void => {
    const bytes = Buffer.from(head('GET / HTTP/1.1', 'Host: a', `A: ${value}`));
    HEAD.tell(fields, bytes, HEAD.parse(bytes, 0, bytes.length, LIMITS, fields));
  };
  for (let i = 0; i < 50; i++) meet(i >> 1);
  assert.ok(fields.length > 0, 'each came twice');
  for (let i = 100; i < 150; i++) meet(i);
  assert.equal(fields.length, 0);
  for (let i = 0; i < 130; i++) meet(0);
  assert.ok(fields.length > 0, 'and tries again, for now they are the same');
});
