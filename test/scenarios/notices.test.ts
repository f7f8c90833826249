import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Incident } from '../../src/index.ts';
import { ReceivingServer } from '../notify/support/receiving-server.ts';
import { APPS, assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

interface Body {
  readonly event: string;
  readonly incident: Incident;
}

const SECRETS = { API_TOKEN: 'tok-5ecret-5ecret', DATABASE_URL: 'postgres://shop:hunter22@db.internal/shop' };
const LEAK = /tok-5ecret|hunter22|\/hook-key/;

/** Runs an app with a config file of its own. */
function run(context: TestContext, app: string, config: string, env: Record<string, string> = {}): EvenerProcess {
  const folder = mkdtempSync(join(tmpdir(), 'evn-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evener.config.mjs');
  writeFileSync(
    file,
    `export default { app: ${JSON.stringify(join(APPS, app))}, workers: 1, name: 'shop', ${config} };`,
  );
  return new EvenerProcess(context, ['--config', file], { env });
}

const bodiesOf = (server: ReceivingServer): Body[] => server.received.map(({ body }) => JSON.parse(body) as Body);

const eventsOf = (server: ReceivingServer): string[] =>
  bodiesOf(server).map(({ event, incident }) => `${event} ${incident.kind} ${incident.count}`);

test('a worker that crashes is one notice, and one when it is over', async (context) => {
  const server = await ReceivingServer.listen(context);
  const env = { HOOK: `${server.url}/hook-key`, ...SECRETS };
  const evener = run(context, 'leaky-errors.cjs', `notify: [{ type: 'webhook', url: 'env:HOOK', secret: 's' }]`, env);
  const url = await evener.url();
  assert.equal((await request(`${url}/crash?token=tok-5ecret-5ecret`, 'POST')).status, 502);
  await server.has(2);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.deepEqual(eventsOf(server), ['opened worker-died 1', 'recovered worker-died 1']);
  const [{ incident }] = bodiesOf(server) as [Body];
  assert.deepEqual([incident.app, incident.worker, incident.cause], ['shop', 0, 'exit code 7']);
  const inFlight = incident.evidence.inFlight as { target: string }[];
  assert.ok(inFlight.every(({ target }) => target === '/crash'));
  assert.doesNotMatch(server.received.map(({ body }) => body).join(), LEAK);
});

test('errors of an app reach nobody with its secrets in them', async (context) => {
  const server = await ReceivingServer.listen(context);
  const broken = join(tmpdir(), `evener-test-broken-${process.pid}-notices`);
  context.after(() => rmSync(broken, { force: true }));
  const env = { HOOK: `${server.url}/hook-key`, BROKEN: broken, ...SECRETS };
  const config = `notify: [{ type: 'webhook', url: 'env:HOOK', minSeverity: 'info' }]`;
  const evener = run(context, 'leaky-errors.cjs', config, env);
  const url = await evener.url();
  writeFileSync(broken, '');
  evener.kill('SIGHUP');
  await evener.said(/reload failed, .*login as \[redacted\] at postgres:\/\/\[redacted\]@db\.internal\/shop failed/);
  await request(`${url}/crash`);
  await evener.said(/no worker is up, .*login as \[redacted\]/);
  rmSync(broken);
  await evener.said(/serving again/);
  await until(
    () => `everything to be over: ${eventsOf(server).join('; ')}`,
    () =>
      ['worker-died', 'crash-loop'].every((kind) =>
        eventsOf(server).some((one) => one.startsWith(`recovered ${kind}`)),
      ),
  );
  assert.ok(eventsOf(server).includes('opened reload-failed 1'), eventsOf(server).join('; '));
  assert.doesNotMatch(server.received.map(({ body }) => body).join(), LEAK);
  const ours = evener.stderr.split('\n').filter((line) => line.startsWith('evener: '));
  assert.doesNotMatch(ours.join('\n'), LEAK);
});

test('dead, slow and refusing receivers hold nothing up, are told of once, and never by their address', async (context) => {
  const hanging = await ReceivingServer.listen(context, () => {});
  const refusing = await ReceivingServer.listen(context, (response) => response.writeHead(403).end());
  const sound = await ReceivingServer.listen(context);
  const evener = run(
    context,
    'server.cjs',
    `notify: [
      { type: 'webhook', url: '${hanging.url}/hook-key' },
      { type: 'slack', url: '${refusing.url}/hook-key' },
      { type: 'pagerduty', routingKey: 'hook-key', url: 'http://127.0.0.1:1/hook-key' },
      { type: 'alertmanager', url: '${sound.url}' },
    ],
    onIncident: async () => { await null; throw new Error('hook is broken'); },`,
  );
  const url = await evener.url();
  await request(`${url}/exit`, 'POST');
  await evener.said(/notices do not reach pagerduty 127\.0\.0\.1:1: ECONNREFUSED; trying again/);
  await evener.said(/notices do not reach slack 127\.0\.0\.1:\d+: it answered 403\n/);
  await evener.said(/notices do not reach onIncident: Error: hook is broken\n/);
  await sound.has(1);
  await evener.saidTimes(/worker 0 ready/, 2);
  assert.equal((await request(url)).status, 200);
  const stoppedMs = performance.now();
  evener.kill('SIGTERM');
  await evener.said(/stopped/);
  assertEnding(await evener.ended, 0);
  assert.ok(performance.now() - stoppedMs < 20_000, `${performance.now() - stoppedMs} ms`);
  assert.equal(evener.count(/notices do not reach pagerduty/), 1);
  assert.equal(evener.count(/notices do not reach slack/), 1);
  assert.equal(evener.count(/notices do not reach onIncident/), 1);
  assert.doesNotMatch(evener.stderr, /hook-key/);
  type Alert = { endsAt: string; labels: { alertname: string } };
  const alerts = sound.received.flatMap(({ body }) => JSON.parse(body) as Alert[]);
  assert.ok(alerts.every(({ labels }) => labels.alertname === 'EvenerWorkerDied'));
  assert.ok(Date.parse(alerts.at(-1)!.endsAt) <= Date.now(), 'the stop ends the alert');
});

test('that it could not start goes out before it ends', async (context) => {
  const server = await ReceivingServer.listen(context, (response) => setTimeout(() => response.end(), 300));
  const evener = run(context, 'throws.cjs', `notify: [{ type: 'webhook', url: '${server.url}' }]`);
  assert.equal((await evener.ended).code, 1);
  assert.deepEqual(eventsOf(server).at(-1), 'opened gave-up 1');
});

test('a reload takes receivers in and out, and does not replace workers for it', async (context) => {
  const server = await ReceivingServer.listen(context);
  const folder = mkdtempSync(join(tmpdir(), 'evn-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'evener.config.json');
  const write = (notify: object[]): void =>
    writeFileSync(file, JSON.stringify({ app: join(APPS, 'server.cjs'), workers: 1, notify }));
  write([]);
  const evener = new EvenerProcess(context, ['--config', file]);
  const url = await evener.url();
  await request(`${url}/exit`, 'POST');
  await evener.saidTimes(/worker 0 ready/, 2);
  write([{ type: 'webhook', url: server.url }]);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  assert.equal(evener.count(/worker 0 ready/), 2);
  await request(`${url}/exit`, 'POST');
  await server.has(1);
  assert.equal(bodiesOf(server)[0]!.event, 'opened');
});

test('overload is one incident with its requests counted, over when it ends', async (context) => {
  const server = await ReceivingServer.listen(context);
  const config = `queueLimit: 0, notify: [{ type: 'webhook', url: '${server.url}', events: ['shedding'] }]`;
  const evener = run(context, 'server.cjs', config);
  const url = await evener.url();
  // With nobody to take it and no room to wait, a request is refused.
  const [pid] = /pid (\d+)/.exec(evener.stderr)!.slice(1).map(Number);
  process.kill(pid!, 'SIGSTOP');
  await evener.said(/stalled/);
  let refused = 0;
  await until('the notice', async () => {
    if ((await request(url)).status === 503) refused++;
    return server.received.length > 0;
  });
  process.kill(pid!, 'SIGCONT');
  await evener.said(/refusing requests with 503/);
  await server.has(2);
  await evener.said(new RegExp(`refusing no more: ${refused} requests? in`));
  const [opened, over] = bodiesOf(server) as [Body, Body];
  assert.deepEqual([opened.event, over.event, over.incident.count], ['opened', 'recovered', refused]);
});
