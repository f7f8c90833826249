import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { test } from 'node:test';
import { factsOf, Outcome } from '../../src/core/outcome.ts';
import { acceptsJson, errorResponse } from '../../src/http1/error-response.ts';
import { Framing } from '../../src/http1/request-head.ts';
import { ResponseHead } from '../../src/http1/response-head.ts';

const PLAIN = { json: false, close: false, headOnly: false, retryAfterSeconds: null };
const ANSWERED = Object.values(Outcome).filter((outcome) => factsOf(outcome).status !== 0);

/** The body of an answer, after its head was found to be in order. */
function bodyOf(answer: string, outcome: Outcome, keepAlive: boolean, isHeadOnly: boolean = false): string {
  const bytes = Buffer.from(answer, 'utf8');
  const head = new ResponseHead();
  const end = head.parse(bytes, 0, bytes.length);
  assert.ok(end > 0, answer);
  assert.equal(head.status, factsOf(outcome).status);
  assert.equal(head.framing, Framing.Length);
  assert.equal(head.keepAlive, keepAlive);
  if (!isHeadOnly) assert.equal(bytes.length - end, head.contentLength);
  return bytes.toString('utf8', end);
}

test('every outcome with a status has an answer that a client can read', () => {
  for (const outcome of ANSWERED) {
    const facts = factsOf(outcome);
    const text = bodyOf(errorResponse(outcome, PLAIN), outcome, true);
    assert.equal(text, `${facts.status} ${STATUS_CODES[facts.status]}: ${facts.meaning}\n`);
    const json = bodyOf(errorResponse(outcome, { ...PLAIN, json: true, close: true }), outcome, false);
    const error = STATUS_CODES[facts.status];
    assert.deepEqual(JSON.parse(json), { status: facts.status, error, code: facts.code, message: facts.meaning });
  }
});

test('an answer to HEAD has the length of its body, and no body', () => {
  const answer = errorResponse(Outcome.QueueFull, { ...PLAIN, headOnly: true });
  assert.equal(bodyOf(answer, Outcome.QueueFull, true, true), '');
  assert.doesNotMatch(answer, /Content-Length: 0/);
});

test('a 503 says when to come again, nothing else does', () => {
  for (const outcome of ANSWERED) {
    const is503 = factsOf(outcome).status === 503;
    assert.equal(/\r\nRetry-After: 1\r\n/.test(errorResponse(outcome, PLAIN)), is503);
    assert.equal(/\r\nRetry-After: 30\r\n/.test(errorResponse(outcome, { ...PLAIN, retryAfterSeconds: 30 })), is503);
  }
});

test('JSON goes to those who ask for it before text', () => {
  const vectors: [string, boolean][] = [
    ['application/json', true],
    ['application/problem+json', true],
    ['Application/JSON, text/plain', true],
    ['text/html, application/json', false],
    ['text/html', false],
    ['*/*', false],
    ['application/jso', false],
    ['', false],
  ];
  for (const [accept, expected] of vectors) {
    assert.equal(acceptsJson(`GET / HTTP/1.1\r\nHost: a\r\nACCEPT: ${accept}\r\nX: y\r\n`), expected, accept);
  }
  assert.ok(!acceptsJson('GET /?accept:application/json HTTP/1.1\r\nHost: a\r\nX-Accept: application/json\r\n'));
  assert.ok(!acceptsJson(''));
});
