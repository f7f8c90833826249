import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../src/balancing/key-source.ts';
import { NO_KEY } from '../../src/balancing/policy.ts';
import type { KeySource } from '../../src/config/sticky.ts';
import { hash32 } from '../../src/core/hash.ts';

const REQUEST = {
  lines: 'GET /?room=7 HTTP/1.1\r\nX-User: jane\r\nCookie: session=s1\r\n',
  target: '/?room=7',
  address: '10.1.2.3',
};

test('the key is what the source says', () => {
  const sources: readonly [KeySource, string][] = [
    [{ from: 'address' }, '10.1.2.3'],
    [{ from: 'header', name: 'x-user' }, 'jane'],
    [{ from: 'cookie', name: 'session' }, 's1'],
    [{ from: 'query', name: 'room' }, '7'],
  ];
  for (const [source, text] of sources) assert.equal(keyOf(source, REQUEST), hash32(text), source.from);
});

test('a request without it has no key', () => {
  const bare = { lines: 'GET / HTTP/1.1\r\nCookie: session=\r\n', target: '/', address: undefined };
  for (const from of ['address', 'header', 'cookie', 'query'] as const) {
    assert.equal(keyOf({ from, name: 'session' }, bare), NO_KEY, from);
  }
});
