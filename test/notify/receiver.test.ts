import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Notice } from '../../src/notify/notice.ts';
import type { Notifier } from '../../src/notify/notifier.ts';
import { Outbox } from '../../src/notify/outbox.ts';
import { type Interest, Receiver, type ReceiverLimits } from '../../src/notify/receiver.ts';
import type { IncidentReport } from '../../src/observability/incident.ts';
import { IncidentRing } from '../../src/observability/incident-ring.ts';
import { until } from '../support/until.ts';

const ALL: Interest = { events: [], minSeverity: 'info' };
const WIDE: ReceiverLimits = { atOnce: 100, everyMs: 1_000, summaryMs: 60_000 };

interface Set {
  readonly ring: IncidentRing;
  readonly notices: Notice[];
  readonly receiver: Receiver;
}

function receiverOf(context: TestContext, interest: Interest, limits = WIDE, repeatMs: number | null = null): Set {
  const notices: Notice[] = [];
  const notifier: Notifier = {
    label: 'test',
    repeatMs,
    async deliver(notice) {
      notices.push(notice);
      return { result: 'delivered' };
    },
  };
  const outbox = new Outbox(
    notifier,
    { troubled() {}, recovered() {} },
    { capacity: 1_000, firstPauseMs: 1, longestPauseMs: 1, deadlineMs: 1 },
  );
  const receiver = new Receiver(outbox, interest, { name: 'shop', host: 'web-1' }, limits);
  const ring = new IncidentRing();
  ring.subscribe((incident, change) => receiver.hear(incident, change));
  context.after(() => receiver.close());
  return { ring, notices, receiver };
}

function report(key: string, more: Partial<IncidentReport> = {}): IncidentReport {
  return {
    kind: 'worker-died',
    severity: 'warning',
    dedupKey: key,
    app: 'shop',
    worker: 0,
    cause: 'exit code 1',
    decision: 'restarted',
    evidence: {},
    ...more,
  };
}

const typesOf = (notices: readonly Notice[]): string[] =>
  notices.map(({ type, incident }) => `${type} ${incident.kind} ${incident.severity} x${incident.count}`);

test('one notice when it opens, one when it becomes graver, one when it is over, none in between', async (context) => {
  const { ring, notices, receiver } = receiverOf(context, ALL);
  for (let n = 0; n < 5; n++) ring.report(report('a'));
  ring.report(report('a', { severity: 'error' }));
  ring.report(report('a', { severity: 'error' }));
  ring.close('a', 'over');
  await until('the outbox to be idle', () => receiver.outbox.isIdle);
  assert.deepEqual(typesOf(notices), [
    'opened worker-died warning x1',
    'updated worker-died error x6',
    'recovered worker-died error x7',
  ]);
});

test('what is too light, or of no interest, is not told, nor its end', async (context) => {
  const { ring, notices, receiver } = receiverOf(context, {
    events: ['worker-hung', 'worker-died'],
    minSeverity: 'warning',
  });
  ring.report(report('light', { severity: 'info' }));
  ring.close('light', 'over');
  ring.report(report('other', { kind: 'shedding', severity: 'critical' }));
  ring.close('other', 'over');
  ring.report(report('grows', { kind: 'worker-stalled', severity: 'info' }));
  ring.report(report('grows', { kind: 'worker-hung', severity: 'error' }));
  ring.close('grows', 'over');
  await until('the outbox to be idle', () => receiver.outbox.isIdle);
  assert.deepEqual(typesOf(notices), ['opened worker-hung error x2', 'recovered worker-hung error x2']);
});

test('of more than it should get it gets one summary, and the ends of what it was told of', async (context) => {
  const limits = { atOnce: 3, everyMs: 3_600_000, summaryMs: 50 };
  const { ring, notices } = receiverOf(context, ALL, limits);
  for (let n = 0; n < 10; n++) ring.report(report(`a${n}`));
  ring.report(report('b', { kind: 'crash-loop', severity: 'critical' }));
  for (let n = 0; n < 10; n++) ring.close(`a${n}`, 'over');
  await until('the summary to be over', () =>
    notices.some(({ type, incident }) => type === 'recovered' && incident.kind === 'many-incidents'),
  );
  assert.deepEqual(typesOf(notices), [
    ...Array.from({ length: 3 }, () => 'opened worker-died warning x1'),
    ...Array.from({ length: 3 }, () => 'recovered worker-died warning x1'),
    'opened many-incidents critical x1',
    'recovered many-incidents critical x1',
  ]);
  const summary = notices.find(({ incident }) => incident.kind === 'many-incidents')!.incident;
  assert.match(summary.cause, /^8 more since \S+: 7 worker-died, 1 crash-loop$/);
});

test('says again what lasts to a receiver that forgets', async (context) => {
  const { ring, notices } = receiverOf(context, ALL, WIDE, 30);
  ring.report(report('a'));
  ring.report(report('b'));
  ring.close('b', 'over');
  await until('two repetitions', () => notices.filter(({ type }) => type === 'repeated').length >= 2);
  assert.ok(notices.every(({ type, incident }) => type !== 'repeated' || incident.dedupKey === 'a'));
  ring.close('a', 'over');
  await until('the end', () => notices.at(-1)!.type === 'recovered');
  const count = notices.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(notices.length, count);
});
