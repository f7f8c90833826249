import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from '../../src/worker/field-list.ts';
import { KnownFields } from '../../src/worker/known-fields.ts';

test('splits each time what it was given, whether it is known or not', () => {
  const known = new KnownFields();
  const long = `X-Long: ${'x'.repeat(5000)}\r\n`;
  for (const lines of [
    'A: 1\r\n',
    'A: 1\r\n',
    'A: 1\r\n',
    'A: 2\r\n',
    '',
    '',
    long,
    long,
    'A: 2\r\nB:\r\n',
    'A: 2\r\nB:\r\n',
  ]) {
    assert.deepEqual(known.split(lines), fieldsOf(lines, 0));
  }
  for (let i = 0; i < 30; i++) assert.deepEqual(known.split(`A: ${i}\r\n`), ['A', `${i}`]);
});

test("the list is the app's, to change as it likes", () => {
  const known = new KnownFields();
  for (let i = 0; i < 5; i++) {
    const fields = known.split('A: 1\r\nB: 2\r\n');
    assert.deepEqual(fields, ['A', '1', 'B', '2']);
    fields.length = 1;
    fields[0] = 'changed';
  }
});
