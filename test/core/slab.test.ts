import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, giveCopy } from '../../src/core/slab.ts';

const KIB = 1024;

test('copies are of what was there, and apart from each other', () => {
  const bytes = Buffer.from('hello');
  const first = copyOf(bytes);
  const second = copyOf(Buffer.from('world'));
  bytes.fill('x');
  assert.equal(first.toString(), 'hello');
  assert.equal(second.toString(), 'world');
});

test('memory is cut again once all copies in it were given back, and not before', () => {
  const ten = Buffer.alloc(10 * KIB, 'a');
  // Leaves what other tests have begun.
  let first = copyOf(ten);
  while (first.byteOffset !== 0) first = copyOf(ten);
  const others = Array.from({ length: 5 }, () => copyOf(ten));
  assert.ok(others.every((copy) => copy.buffer === first.buffer));
  const held = copyOf(ten);
  assert.notEqual(held.buffer, first.buffer);

  for (const copy of others) giveCopy(copy);
  const later = Array.from({ length: 12 }, () => copyOf(ten));
  assert.ok(later.every((copy) => copy.buffer !== first.buffer));
  assert.equal(first.toString(), ten.toString());

  giveCopy(first);
  const last = Array.from({ length: 12 }, () => copyOf(ten));
  assert.ok(last.some((copy) => copy.buffer === first.buffer));
  assert.equal(held.toString(), ten.toString());
});

test('what is large is not cut from memory that is used again', () => {
  const large = Buffer.alloc(16 * KIB, 'a');
  const copy = copyOf(large);
  large.fill('b');
  giveCopy(copy);
  for (let i = 0; i < 12; i++) copyOf(large);
  assert.equal(copy.toString(), 'a'.repeat(16 * KIB));
});
