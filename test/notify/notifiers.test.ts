import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Secret } from '../../src/core/secret.ts';
import { Alertmanager } from '../../src/notify/alertmanager.ts';
import { PagerDuty } from '../../src/notify/pagerduty.ts';
import { Slack } from '../../src/notify/slack.ts';
import { Webhook } from '../../src/notify/webhook.ts';
import { incidentOf, noticeOf } from './support/notices.ts';
import { ReceivingServer } from './support/receiving-server.ts';

const NEVER = new AbortController().signal;

test('a webhook gets the incident as it is, signed with its time', async (context) => {
  const server = await ReceivingServer.listen(context);
  const url = new Secret(`${server.url}/in?key=1`);
  const webhook = new Webhook({ url, secret: new Secret('s3cret'), headers: { 'x-team': 'shop' } });
  assert.deepEqual(await webhook.deliver(noticeOf(), NEVER), { result: 'delivered' });
  const [{ body, headers, path }] = server.received as [ReceivingServer['received'][number]];
  assert.equal(path, '/in?key=1');
  assert.deepEqual(JSON.parse(body), {
    version: 1,
    event: 'opened',
    sender: { name: 'shop', host: 'web-1' },
    incident: incidentOf(),
  });
  const timestamp = headers['x-evener-timestamp'] as string;
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60);
  const expected = createHmac('sha256', 's3cret').update(`${timestamp}.${body}`).digest('hex');
  assert.equal(headers['x-evener-signature'], `sha256=${expected}`);
  assert.deepEqual([headers['x-evener-event'], headers['x-team']], ['opened', 'shop']);
  assert.doesNotMatch(`${webhook.label} ${JSON.stringify(webhook)}`, /key|s3cret|\/in/);
});

test('a webhook without a secret is not signed', async (context) => {
  const server = await ReceivingServer.listen(context);
  await new Webhook({ url: new Secret(server.url), secret: null, headers: {} }).deliver(noticeOf(), NEVER);
  assert.equal(server.received[0]!.headers['x-evener-signature'], undefined);
});

test('Slack gets one line and the rest as fields, with nothing that Slack would act on', async (context) => {
  const server = await ReceivingServer.listen(context);
  const slack = new Slack({ url: new Secret(`${server.url}/services/T0/B0/key`), headers: {} });
  await slack.deliver(noticeOf('opened', { cause: 'Error: <!channel> & more\nat x', count: 3 }), NEVER);
  await slack.deliver(noticeOf('recovered'), NEVER);
  const [opened, recovered] = server.bodies as { text: string; attachments: { color: string; fields: object[] }[] }[];
  assert.equal(opened!.text, 'shop on web-1: worker 1 of shop died: Error: &lt;!channel&gt; &amp; more at x (3 times)');
  assert.equal(recovered!.text, 'shop on web-1: over: worker 1 of shop died: pid 72 stays up');
  assert.deepEqual(recovered!.attachments[0]!.fields[1], { title: 'Lasted', value: '12 s', short: true });
  assert.notEqual(opened!.attachments[0]!.color, recovered!.attachments[0]!.color);
  assert.equal(slack.label, `slack ${new URL(server.url).host}`);
});

test('PagerDuty: an alert is triggered, becomes graver and is resolved under one key', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => response.writeHead(202).end('{}'));
  const url = new Secret(`${server.url}/v2/enqueue`);
  const pagerduty = new PagerDuty({ url, routingKey: new Secret('R0'), headers: {} });
  await pagerduty.deliver(noticeOf('opened', { cause: 'x'.repeat(5_000) }), NEVER);
  await pagerduty.deliver(noticeOf('updated', { severity: 'critical' }), NEVER);
  await pagerduty.deliver(noticeOf('recovered'), NEVER);
  const [opened, graver, resolved] = server.bodies as Record<string, string & { summary: string; severity: string }>[];
  assert.equal(opened!.routing_key, 'R0');
  assert.equal(opened!.event_action, 'trigger');
  assert.ok(opened!.payload!.summary.length <= 1024);
  assert.deepEqual(
    { ...(graver!.payload as unknown as object), custom_details: null },
    {
      summary: 'shop on web-1: worker 1 of shop died: exit code 1',
      source: 'web-1',
      severity: 'critical',
      timestamp: '2026-11-24T06:00:00.000Z',
      component: 'shop',
      group: 'shop',
      class: 'worker-died',
      custom_details: null,
    },
  );
  assert.deepEqual(resolved, { routing_key: 'R0', dedup_key: opened!.dedup_key, event_action: 'resolve' });
  assert.equal(graver!.dedup_key, opened!.dedup_key);
  await pagerduty.deliver(noticeOf('opened', { dedupKey: 'k'.repeat(400) }), NEVER);
  assert.equal((server.bodies[3]!.dedup_key as string).length, 255);
});

test('Alertmanager: an alert lasts for four minutes at a time and ends with the incident', async (context) => {
  const server = await ReceivingServer.listen(context);
  const alertmanager = new Alertmanager({ url: new Secret(server.url), labels: { team: 'shop' }, headers: {} });
  await alertmanager.deliver(noticeOf('opened'), NEVER);
  await alertmanager.deliver(noticeOf('recovered'), NEVER);
  type Alert = { labels: object; startsAt: string; endsAt: string; annotations: object };
  const [[opened], [resolved]] = server.bodies as unknown as [[Alert], [Alert]];
  assert.equal(server.received[0]!.path, '/api/v2/alerts');
  assert.deepEqual(opened.labels, {
    alertname: 'EvenerWorkerDied',
    severity: 'warning',
    instance: 'web-1',
    evener: 'shop',
    key: 'worker-died:shop/1',
    app: 'shop',
    worker: '1',
    team: 'shop',
  });
  assert.deepEqual(resolved.labels, opened.labels);
  assert.equal(opened.startsAt, '2026-11-24T06:00:00.000Z');
  const lastsMs = Date.parse(opened.endsAt) - Date.now();
  assert.ok(lastsMs > 180_000 && lastsMs <= 240_000);
  assert.equal(resolved.endsAt, '2026-11-24T06:00:12.000Z');
  assert.equal(alertmanager.repeatMs, 60_000);
});

test('Alertmanager: where the labels change, the alert of before is ended', async (context) => {
  const server = await ReceivingServer.listen(context);
  const url = new Secret(`${server.url}/prefix/api/v2/alerts`);
  const alertmanager = new Alertmanager({ url, labels: {}, headers: {} });
  await alertmanager.deliver(noticeOf('opened', { kind: 'worker-stalled', severity: 'info' }), NEVER);
  await alertmanager.deliver(noticeOf('updated', { kind: 'worker-hung', severity: 'error' }), NEVER);
  await alertmanager.deliver(noticeOf('repeated', { kind: 'worker-hung', severity: 'error' }), NEVER);
  assert.equal(server.received[0]!.path, '/prefix/api/v2/alerts');
  const names = server.bodies.map((alerts) =>
    (alerts as unknown as { labels: { alertname: string }; endsAt: string }[]).map(
      ({ labels, endsAt }) => `${labels.alertname} ${Date.parse(endsAt) > Date.now() ? 'lasts' : 'ends'}`,
    ),
  );
  assert.deepEqual(names, [
    ['EvenerWorkerStalled lasts'],
    ['EvenerWorkerHung lasts', 'EvenerWorkerStalled ends'],
    ['EvenerWorkerHung lasts'],
  ]);
});
