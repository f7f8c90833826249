import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser } from '../../src/dashboard/page/sse-parser.ts';

const STREAM =
  ':\n\nid: 7\ndata: {"a":1}\n\ndata: first\r\ndata:second\r\n\r\nevent: x\n\n: heartbeat\ndata\n\ndata: not complete\n';
const EVENTS = [
  { id: '7', data: '{"a":1}' },
  { id: '7', data: 'first\nsecond' },
  { id: '7', data: '' },
];

test('events are the same wherever the text is cut', () => {
  for (let at = 0; at <= STREAM.length; at++) {
    const parser = new SseParser();
    assert.deepEqual([...parser.push(STREAM.slice(0, at)), ...parser.push(STREAM.slice(at))], EVENTS, `cut at ${at}`);
  }
});

test('events are the same when the text comes a character at a time', () => {
  const parser = new SseParser();
  assert.deepEqual(
    [...STREAM].flatMap((character) => parser.push(character)),
    EVENTS,
  );
});
