import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServerAddress } from '../../src/core/server-address.ts';

const plain = { path: null, isTls: false };

for (const [text, expected] of [
  ['http://10.0.0.5:8080', { ...plain, host: '10.0.0.5', port: 8080, authority: '10.0.0.5:8080' }],
  ['http://a.example', { ...plain, host: 'a.example', port: 80, authority: 'a.example' }],
  ['http://a.example/', { ...plain, host: 'a.example', port: 80, authority: 'a.example' }],
  ['https://a.example', { ...plain, host: 'a.example', port: 443, isTls: true, authority: 'a.example' }],
  ['a.example:81', { ...plain, host: 'a.example', port: 81, authority: 'a.example:81' }],
  ['[::1]:81', { ...plain, host: '::1', port: 81, authority: '[::1]:81' }],
  ['unix:/run/a.sock', { host: null, port: 0, path: '/run/a.sock', isTls: false, authority: 'localhost' }],
  ['unix:///run/a.sock', { host: null, port: 0, path: '/run/a.sock', isTls: false, authority: 'localhost' }],
] as const) {
  test(`${text} is where a server is`, () => assert.deepEqual(parseServerAddress(text), expected));
}

for (const text of [
  '',
  'http://',
  'ftp://a',
  'ws://a',
  'http://a/x',
  'http://a?x',
  'http://u:p@a',
  'unix:a.sock',
  'http://a:99999',
  'a b:80',
]) {
  test(`${JSON.stringify(text)} is not`, () => assert.equal(typeof parseServerAddress(text), 'string'));
}
