import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from '../../src/core/secret.ts';
import { OUTBOX_LIMITS, Outbox, type OutboxLimits } from '../../src/notify/outbox.ts';
import { Webhook } from '../../src/notify/webhook.ts';
import { until } from '../support/until.ts';
import { noticeOf } from './support/notices.ts';
import { ReceivingServer } from './support/receiving-server.ts';

const QUICK: OutboxLimits = { capacity: 4, firstPauseMs: 5, longestPauseMs: 20, deadlineMs: 60_000 };

function outboxTo(url: string, limits: OutboxLimits = QUICK): { outbox: Outbox; told: string[] } {
  const told: string[] = [];
  const webhook = new Webhook({ url: new Secret(url), secret: null, headers: {} });
  const outbox = new Outbox(
    webhook,
    {
      troubled: (_, reason, isRetried) => told.push(`${isRetried ? 'failing' : 'refused'}: ${reason}`),
      recovered: (_, lost) => told.push(`recovered, ${lost} lost`),
    },
    limits,
  );
  return { outbox, told };
}

const idsOf = (server: ReceivingServer): string[] => server.bodies.map((body) => (body.incident as { id: string }).id);

test('tries again until it is delivered, keeps the order, and tells of the trouble once', async (context) => {
  const server = await ReceivingServer.listen(context, (response, _, nth) => {
    response.writeHead(nth <= 5 ? 503 : 200).end();
  });
  const { outbox, told } = outboxTo(server.url);
  for (const id of ['a', 'b', 'c']) outbox.put(noticeOf('opened', { id }));
  await server.has(8);
  await until('the outbox to be idle', () => outbox.isIdle);
  assert.deepEqual(idsOf(server), ['a', 'a', 'a', 'a', 'a', 'a', 'b', 'c']);
  assert.deepEqual(told, ['failing: it answered 503', 'recovered, 0 lost']);
});

test('waits as long as it is asked to', async (context) => {
  const server = await ReceivingServer.listen(context, (response, _, nth) => {
    response.writeHead(nth === 1 ? 429 : 200, { 'retry-after': '1' }).end();
  });
  const { outbox } = outboxTo(server.url);
  outbox.put(noticeOf());
  await server.has(2);
  const [first, second] = server.received;
  assert.ok(second!.atMs - first!.atMs >= 950, `${second!.atMs - first!.atMs} ms`);
});

test('does not try again what is refused, goes on with the next, and tells it once', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(404).end('no such hook'));
  const { outbox, told } = outboxTo(server.url);
  for (const id of ['a', 'b', 'c']) outbox.put(noticeOf('opened', { id }));
  await server.has(3);
  await until('the outbox to be idle', () => outbox.isIdle);
  assert.deepEqual(idsOf(server), ['a', 'b', 'c']);
  assert.deepEqual(told, ['refused: it answered 404: no such hook']);
  assert.equal(outbox.lost, 3);
});

test('drops the oldest that wait where there is no room, and counts them', async (context) => {
  let isOpen = false;
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(isOpen ? 200 : 500).end());
  const { outbox, told } = outboxTo(server.url);
  for (let n = 1; n <= 10; n++) outbox.put(noticeOf('opened', { id: `n${n}` }));
  await server.has(2);
  isOpen = true;
  await until('the outbox to be idle', () => outbox.isIdle);
  assert.deepEqual(idsOf(server).slice(-4), ['n1', 'n8', 'n9', 'n10']);
  assert.equal(outbox.lost, 6);
  assert.equal(told.at(-1), 'recovered, 6 lost');
});

test('tells with each recovery what was lost since the one before', async (context) => {
  const statuses = [404, 404, 200, 404, 200];
  const server = await ReceivingServer.listen(context, (response, _, nth) =>
    response.writeHead(statuses[nth - 1]!).end(),
  );
  const { outbox, told } = outboxTo(server.url);
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    outbox.put(noticeOf('opened', { id }));
    await until('the outbox to be idle', () => outbox.isIdle);
  }
  assert.deepEqual(
    told.filter((line) => line.startsWith('recovered')),
    ['recovered, 2 lost', 'recovered, 1 lost'],
  );
  assert.equal(outbox.lost, 3);
});

test('gives up after the deadline', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(500).end());
  const { outbox } = outboxTo(server.url, { ...QUICK, deadlineMs: 1_000 });
  outbox.put(noticeOf());
  await until('the outbox to be idle', () => outbox.isIdle);
  assert.equal(outbox.lost, 1);
  assert.ok(server.received.length > 1);
});

test('at the end each that waits has one more try, and what hangs does not hold up for longer than allowed', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(500).end());
  const limits = { ...OUTBOX_LIMITS, firstPauseMs: 3_600_000, longestPauseMs: 3_600_000 };
  const { outbox, told } = outboxTo(server.url, limits);
  for (const id of ['a', 'b']) outbox.put(noticeOf('opened', { id }));
  await until('the first try to have failed', () => told.length === 1);
  server.answer = (response) => response.end();
  await outbox.flush(10_000);
  assert.deepEqual(idsOf(server), ['a', 'a', 'b']);

  const hanging = await ReceivingServer.listen(context, () => {});
  const { outbox: stuck } = outboxTo(hanging.url);
  stuck.put(noticeOf());
  await hanging.has(1);
  const startedMs = performance.now();
  await stuck.flush(200);
  assert.ok(performance.now() - startedMs < 4_000);
  stuck.put(noticeOf());
  assert.equal(hanging.received.length, 1, 'a closed one takes nothing more');
});
