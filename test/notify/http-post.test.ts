import assert from 'node:assert/strict';
import { test } from 'node:test';
import { postJson } from '../../src/notify/http-post.ts';
import { freePort } from '../support/free-port.ts';
import { type Answer, ReceivingServer } from './support/receiving-server.ts';

const NEVER = new AbortController().signal;

function request(url: string): Parameters<typeof postJson>[0] {
  return { url: new URL(url), headers: { 'x-own': 'yes' }, body: '{"a":"ü"}' };
}

const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

test('posts JSON with its length and the header fields that were asked for', async (context) => {
  const server = await ReceivingServer.listen(context, answering(202));
  assert.deepEqual(await postJson(request(`${server.url}/a?b=c`), NEVER), { result: 'delivered' });
  const [{ method, path, headers, body }] = server.received as [ReceivingServer['received'][number]];
  assert.deepEqual([method, path, body], ['POST', '/a?b=c', '{"a":"ü"}']);
  assert.deepEqual(
    [headers['content-type'], headers['content-length'], headers['x-own']],
    ['application/json', '10', 'yes'],
  );
});

test('credentials in the address become an Authorization field', async (context) => {
  const server = await ReceivingServer.listen(context);
  await postJson(request(server.url.replace('http://', 'http://user:p%40ss@')), NEVER);
  assert.equal(server.received[0]!.headers.authorization, `Basic ${Buffer.from('user:p@ss').toString('base64')}`);
});

const ANSWERS: readonly (readonly [number, Record<string, string>, string, object])[] = [
  [200, {}, 'ok', { result: 'delivered' }],
  [204, {}, '', { result: 'delivered' }],
  [301, { location: 'http://elsewhere.example/' }, '', { result: 'refused', reason: 'it answered 301' }],
  [400, {}, 'invalid\n\u0007token', { result: 'refused', reason: 'it answered 400: invalid token' }],
  [403, {}, '', { result: 'refused', reason: 'it answered 403' }],
  [408, {}, '', { result: 'failed', reason: 'it answered 408', retryAfterMs: null }],
  [425, {}, '', { result: 'failed', reason: 'it answered 425', retryAfterMs: null }],
  [429, { 'retry-after': '7' }, '', { result: 'failed', reason: 'it answered 429', retryAfterMs: 7_000 }],
  [429, { 'retry-after': 'soon' }, '', { result: 'failed', reason: 'it answered 429', retryAfterMs: null }],
  [503, { 'retry-after': '86400' }, '', { result: 'failed', reason: 'it answered 503', retryAfterMs: 600_000 }],
  [500, {}, 'x'.repeat(5_000), { result: 'failed', reason: `it answered 500: ${'x'.repeat(120)}`, retryAfterMs: null }],
];

test('reads from the answer whether to try again', async (context) => {
  for (const [status, headers, body, expected] of ANSWERS) {
    const server = await ReceivingServer.listen(context, answering(status, headers, body));
    assert.deepEqual(await postJson(request(server.url), NEVER), expected, String(status));
  }
});

test('a date in Retry-After is a pause until then', async (context) => {
  const at = new Date(Date.now() + 60_000).toUTCString();
  const server = await ReceivingServer.listen(context, answering(503, { 'retry-after': at }));
  const delivery = await postJson(request(server.url), NEVER);
  assert.ok(delivery.result === 'failed' && delivery.retryAfterMs! > 30_000 && delivery.retryAfterMs! <= 60_000);
});

test('an address where nobody listens, one that hangs, and one that hangs up are failures', async (context) => {
  const hanging = await ReceivingServer.listen(context, () => {});
  const late = await postJson(request(hanging.url), NEVER, 100);
  assert.deepEqual(late, { result: 'failed', reason: 'no answer within 100 ms', retryAfterMs: null });

  const closing = await ReceivingServer.listen(context, (response) => response.socket!.destroy());
  const closed = await postJson(request(closing.url), NEVER);
  assert.deepEqual(closed, { result: 'failed', reason: 'ECONNRESET', retryAfterMs: null });

  const refused = await postJson(request(`http://127.0.0.1:${await freePort()}`), NEVER);
  assert.deepEqual(refused, { result: 'failed', reason: 'ECONNREFUSED', retryAfterMs: null });
});

test('an answer whose body never ends is an answer', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(200).write('o'));
  assert.deepEqual(await postJson(request(server.url), NEVER), { result: 'delivered' });
});

test('a header field that cannot be sent is refused, and nothing is thrown', async () => {
  const delivery = await postJson({ ...request('http://127.0.0.1:9/'), headers: { 'x-bad': 'a\nb' } }, NEVER);
  assert.deepEqual(delivery, { result: 'refused', reason: 'ERR_INVALID_CHAR' });
});
