import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Handshake, HandshakeReader, isEngineIo } from '../../src/balancing/engine-io.ts';

const OPEN =
  '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}';
const VERSION_3 =
  '96:0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":5000}2:40';
const JSONP = String.raw`___eio[0]("0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[],\"pingInterval\":300,\"pingTimeout\":200}");`;

function isFor(target: string): boolean {
  return isEngineIo(`GET ${target} HTTP/1.1\r\nReferer: /?EIO=4\r\n`, 4, target.length);
}

test('tells requests of Engine.IO by their query', () => {
  for (const target of ['/socket.io/?EIO=4&transport=polling&t=abc', '/x?token=1&EIO=3', '/?EIO=4', '/EIO=4/?EIO=4']) {
    assert.equal(isFor(target), true, target);
  }
  for (const target of [
    '/',
    '/?',
    '/socket.io/',
    '/EIO=4/a',
    '/?a=EIO=4',
    '/?XEIO=4&b=1',
    '/?EIO',
    '/?eio=4&a=1',
    '*',
  ]) {
    assert.equal(isFor(target), false, target);
  }
  assert.equal(isEngineIo('', 0, 0), false, 'what has no head');
});

function read(pieces: readonly string[]): Handshake | null {
  const reader = new HandshakeReader();
  for (const piece of pieces) {
    const bytes = Buffer.from(`..${piece}..`, 'latin1');
    const found = reader.read(bytes, 2, bytes.length - 2);
    if (found !== null) return found;
  }
  return null;
}

test('reads id and times out of a handshake, at every split position', () => {
  const expected: readonly [string, number][] = [
    [OPEN, 45_000],
    [VERSION_3, 30_000],
    [JSONP, 500],
    ['0{"sid":"lv_VI97HAXpY6yYWAAAC"}', 45_000],
  ];
  for (const [text, ttlMs] of expected) {
    for (let at = 0; at <= text.length; at++) {
      assert.deepEqual(read([text.slice(0, at), text.slice(at)]), { sid: 'lv_VI97HAXpY6yYWAAAC', ttlMs }, `${at}`);
    }
  }
});

test('finds nothing in other bodies, and gives up on long ones', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary-ascii' })), (pieces) => {
      assert.equal(read(pieces.map((piece) => piece.replaceAll('sid', ''))), null);
    }),
  );
  const reader = new HandshakeReader();
  const long = Buffer.alloc(10_000, 'x');
  assert.equal(reader.read(long, 0, long.length), null);
  assert.equal(reader.isOver, true);
  assert.equal(reader.read(Buffer.from(OPEN), 0, OPEN.length), null, 'an id further down is none');
});
