import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { resolveNotify } from '../../src/config/notify.ts';
import { INCIDENT_KINDS } from '../../src/core/incident.ts';
import { Secret } from '../../src/core/secret.ts';
import { Webhook } from '../../src/notify/webhook.ts';
import { noticeOf } from '../notify/support/notices.ts';
import { ReceivingServer } from '../notify/support/receiving-server.ts';
import { readPage, tableOf } from './pages.ts';

const PAGE = readPage('docs/notifications.md');
const ENV = { SLACK_URL: 'https://hooks.slack.example/x', PAGERDUTY_KEY: 'key', HOOK_SECRET: 'secret' };

function blocks(language: string): string[] {
  return [...PAGE.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]+?)\`\`\``, 'g'))].map(([, text]) => text!);
}

test('docs/notifications.md has every kind of incident', () => {
  assert.deepEqual(
    tableOf(PAGE, ['kind', 'severity', 'over when']).map(([kind]) => kind!.replaceAll('`', '')),
    [...INCIDENT_KINDS],
  );
});

test('docs/notifications.md shows configs that are valid, one for each type', () => {
  const configs = blocks('json').map((text) => JSON.parse(text) as { notify: unknown });
  const types = configs.flatMap(({ notify }) => resolveNotify(notify, ENV).map(({ type }) => type));
  assert.deepEqual(types.sort(), ['alertmanager', 'pagerduty', 'slack', 'webhook']);
});

type Check = (headers: object, body: string, secret: string) => boolean;

test('docs/notifications.md shows a check that tells what is ours from what is not', async (context) => {
  const snippet = blocks('js').find((text) => text.includes('isFromEvener'))!;
  const { isFromEvener } = (await import(`data:text/javascript,${encodeURIComponent(snippet)}`)) as {
    isFromEvener: Check;
  };
  const server = await ReceivingServer.listen(context);
  const webhook = new Webhook({ url: new Secret(server.url), secret: new Secret('s3cret'), headers: {} });
  await webhook.deliver(noticeOf('opened', { cause: 'ü' }), new AbortController().signal);
  const [{ headers, body }] = server.received as [ReceivingServer['received'][number]];
  assert.equal(isFromEvener(headers, body, 's3cret'), true);
  assert.equal(isFromEvener(headers, body, 'other'), false);
  assert.equal(isFromEvener(headers, `${body} `, 's3cret'), false);
  assert.equal(isFromEvener({}, body, 's3cret'), false);
  const old = String(Math.floor(Date.now() / 1000) - 600);
  const signed = `sha256=${createHmac('sha256', 's3cret').update(`${old}.${body}`).digest('hex')}`;
  const replayed = { ...headers, 'x-evener-timestamp': old, 'x-evener-signature': signed };
  assert.equal(isFromEvener(replayed, body, 's3cret'), false);
});
