import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressRanges, plainAddress } from '../../src/core/address-ranges.ts';

const ranges = new AddressRanges(['10.0.0.0/8', '192.0.2.1', 'fd00::/8', 'unix']);

for (const [address, isIn] of [
  ['10.255.0.1', true],
  ['11.0.0.1', false],
  ['192.0.2.1', true],
  ['192.0.2.2', false],
  ['fd12::1', true],
  ['fe80::1', false],
  [null, true],
] as const) {
  test(`${address ?? 'a Unix socket'} is ${isIn ? '' : 'not '}in them`, () =>
    assert.equal(ranges.includes(address), isIn));
}

test('a Unix socket is in none that do not say so', () =>
  assert.equal(new AddressRanges(['0.0.0.0/0']).includes(null), false));

test('an IPv4 address is the same on a socket for both families', () => {
  assert.equal(plainAddress('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(plainAddress('fd00::1'), 'fd00::1');
});

for (const text of ['', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0', 'fd00::/129', 'a.example', '10.0.0.0/x']) {
  test(`${JSON.stringify(text)} is no range`, () => {
    assert.equal(AddressRanges.isRange(text), false);
    assert.throws(() => new AddressRanges([text]), RangeError);
  });
}
