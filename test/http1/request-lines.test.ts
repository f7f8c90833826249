import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cookieValues, fieldValues, queryValue } from '../../src/http1/request-lines.ts';

const LINES = [
  'GET /x?a=1&b=%20c&d&a=2 HTTP/1.1',
  'Host: example.org',
  'X-User:  jane ',
  'x-user: joe',
  'X-Username: jim',
  'Cookie: a=1; b="two"; a=3;nothing',
  'cookie: c = 4',
  '',
].join('\r\n');

test('finds all values of a field, whatever the case of its name', () => {
  assert.deepEqual(fieldValues(LINES, 'x-user'), ['jane', 'joe']);
  assert.deepEqual(fieldValues(LINES, 'host'), ['example.org']);
  assert.deepEqual(fieldValues(LINES, 'get /x?a=1&b=%20c&d&a=2 http/1.1'), [], 'the request line is no field');
  assert.deepEqual(fieldValues('', 'host'), []);
});

test('finds all values of a cookie', () => {
  assert.deepEqual(cookieValues(LINES, 'a'), ['1', '3']);
  assert.deepEqual(cookieValues(LINES, 'b'), ['two']);
  assert.deepEqual(cookieValues(LINES, 'c'), ['4']);
  assert.deepEqual(cookieValues(LINES, 'nothing'), []);
});

test('finds a parameter of the query', () => {
  const target = '/x?a=1&b=%20c&d&a=2&e=%zz';
  assert.deepEqual(
    ['a', 'b', 'd', 'e', 'x', ''].map((name) => queryValue(target, name)),
    ['1', ' c', '', '%zz', null, null],
  );
  assert.equal(queryValue('/a=1', 'a'), null);
});

test('no head makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), (text, name) => {
      fieldValues(text, name);
      cookieValues(text, name);
      queryValue(text, name);
    }),
  );
});
