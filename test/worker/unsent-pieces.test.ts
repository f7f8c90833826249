import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnsentPieces } from '../../src/worker/unsent-pieces.ts';

test('gives out all bytes in order, in pieces of at most what is asked for', () => {
  const pieces = new UnsentPieces([Buffer.from('hello, '), Buffer.alloc(0), Buffer.from('world')]);
  assert.equal(pieces.length, 12);
  let text = '';
  for (const most of [1, 5, 3, 100]) {
    const piece = pieces.take(most);
    assert.ok(piece.length > 0 && piece.length <= most);
    text += piece.toString();
  }
  assert.equal(text, 'hello, world');
  assert.equal(pieces.length, 0);
});

test('joins small neighbours, and copies nothing that is large', () => {
  const large = Buffer.alloc(40_000, 'b');
  const pieces = new UnsentPieces([Buffer.from('a'), Buffer.from('a'), large, Buffer.alloc(0), Buffer.from('c')]);
  assert.equal(pieces.take(64_000).toString(), 'aa');
  assert.equal(pieces.take(64_000).buffer, large.buffer);
  assert.equal(pieces.take(64_000).toString(), 'c');
  // Two pieces with nothing in the second, as at the end of a response, leave as they lie.
  assert.equal(new UnsentPieces([large, Buffer.alloc(0)]).take(64_000).buffer, large.buffer);
});

test('has nothing left when it is cleared', () => {
  const pieces = new UnsentPieces([Buffer.from('a')]);
  pieces.clear();
  assert.equal(pieces.length, 0);
});
