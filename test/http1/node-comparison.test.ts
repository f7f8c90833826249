import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { ACCEPTED_BODIES, REFUSED_BODIES } from './chunked-vectors.ts';
import { type Comparison, compareBodies, compareHeads } from './node-comparison.ts';
import { NodeParser } from './node-parser.ts';
import { ACCEPTED, REFUSED } from './request-vectors.ts';

let node: NodeParser;
before(async () => {
  node = await NodeParser.find();
});

/** We may refuse what Node accepts, and never the other way round; what both accept they understand alike. */
function check(comparison: Comparison): void {
  assert.equal(comparison.difference, '');
  assert.notEqual(comparison.accepted, 'ours', comparison.nodeError);
}

/** The text with a few bytes replaced, put in or taken out. Such as matter are put in more often than others. */
function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const dangerous = [
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ':',
    '\0',
    '\x7f',
    '\x80',
    '"',
    ',',
    ';',
    '/',
    '0',
    'a',
    '#',
    '\x0b',
  ];
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  const mutation = fc.tuple(fc.nat(400), fc.nat(2), fc.oneof(fc.constantFrom(...dangerous), byte, fc.constant('')));
  return fc.tuple(texts, fc.array(mutation, { maxLength: 2 })).map(([text, mutations]) =>
    mutations.reduce((before, [place, taken, put]) => {
      const at = place % (before.length + 1);
      return before.slice(0, at) + put + before.slice(at + taken);
    }, text),
  );
}

test('a head that we accept says to Node what it says to us', () => {
  const method = fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'M-SEARCH', 'PATCH', 'SOURCE');
  const target = fc.constantFrom('/', '*', '/a?b=%00', 'http://a/b', 'HTTPS://a:80?x', 'a:443', '//x', 'http://[::1]/');
  const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0');
  const names = [
    'Host',
    'A',
    'Content-Length',
    'content-length',
    'Transfer-Encoding',
    'Connection',
    'Upgrade',
    'Expect',
  ];
  const values = [
    '',
    'a',
    '0',
    '5',
    '007',
    '9007199254740993',
    'chunked',
    'Chunked',
    'gzip, chunked',
    'identity',
    'close',
  ];
  const options = ['keep-alive', 'upgrade', 'close, Upgrade', 'keep-alive,close', 'websocket', '100-continue', '"x y"'];
  const blanks = fc.constantFrom('', ' ', '\t', '  \t');
  const field = fc
    .tuple(fc.constantFrom(...names), blanks, fc.constantFrom(...values, ...options, '\x80'), blanks)
    .map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`);
  const generated = fc
    .tuple(fc.constantFrom('', '', '\r\n'), method, target, version, fc.array(field, { maxLength: 4 }))
    .map(([empty, ...line]) => `${empty}${line.slice(0, 3).join(' ')}\r\n${line[3].join('')}\r\n`);
  const vectors = [...ACCEPTED, ...REFUSED].map(([, , text]) => text).filter((text) => text.length < 500);
  const heads = mutated(fc.oneof(generated, fc.constantFrom(...vectors)));
  fc.assert(
    fc.property(heads, (text) => check(compareHeads(node, text))),
    { numRuns: 10_000 },
  );
});

test('a field list that Node hands over in pieces is the same', () => {
  const fields = Array.from({ length: 100 }, (_, i) => `Name-${i}: value ${i}\r\n`).join('');
  const comparison = compareHeads(node, `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  assert.deepEqual(comparison, { accepted: 'both', nodeError: '', difference: '' });
});

test('a chunked body that we accept says to Node what it says to us', () => {
  const vectors = [...ACCEPTED_BODIES, ...REFUSED_BODIES]
    .map(([, , coded]) => coded)
    .filter((text) => text.length < 100);
  fc.assert(
    fc.property(mutated(fc.constantFrom(...vectors)), (coded) => check(compareBodies(node, coded))),
    { numRuns: 10_000 },
  );
});
