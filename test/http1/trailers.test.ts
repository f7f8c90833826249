import assert from 'node:assert/strict';
import { test } from 'node:test';
import { areTrailers, belongInTrailers, MAX_TRAILER_BYTES } from '../../src/http1/trailers.ts';

const ACCEPTED = [
  '',
  'A:\r\n',
  'A: b\r\n',
  "!#$%&'*+-.^_`|~0aA:\t \x80\xff~\t\r\nB::\r\n",
  'X-Host: a\r\nA: Host: b\r\n',
];

const REFUSED = [
  ...[
    'A',
    'A: b',
    'A: b\n',
    'A: b\r',
    '\r\n',
    'A: b\r\n\r\n',
    'A: b\r\n\r\nB: c\r\n',
    ' A: b\r\n',
    'A : b\r\n',
    ': b\r\n',
  ],
  ...['A: b\r\n c\r\n', 'A: b\0\r\n', 'A: b\x7f\r\n', 'A: b\rc\r\n', 'A: b\nB: c\r\n', '\xe9: b\r\n', 'A: \u0100\r\n'],
  ...['Host: a\r\n', 'A: b\r\ncontent-length:1\r\n', 'TRANSFER-ENCODING:\r\n'],
];

test('lines that are trailers are taken for them, and no others', () => {
  for (const lines of ACCEPTED) assert.ok(areTrailers(lines), JSON.stringify(lines));
  for (const lines of REFUSED) assert.ok(!areTrailers(lines), JSON.stringify(lines));
});

test('trailers are bounded', () => {
  const longest = `A:${'b'.repeat(MAX_TRAILER_BYTES - 4)}\r\n`;
  assert.ok(areTrailers(longest));
  assert.ok(!areTrailers(`B${longest}`));
  assert.ok(areTrailers('A:\r\n'.repeat(MAX_TRAILER_BYTES / 4)));
});

test('fields of a head are told from those that only resemble them', () => {
  for (const name of ['Host', 'Content-Length', 'Transfer-Encoding']) {
    assert.ok(!belongInTrailers(`A: b\r\n${name.toUpperCase()}: c\r\n`));
    assert.ok(belongInTrailers(`X-${name}: a\r\n${name}-X: b\r\nA: ${name}: c\r\n`));
  }
});
