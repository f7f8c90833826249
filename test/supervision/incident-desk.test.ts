import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { IncidentRing } from '../../src/observability/incident-ring.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import type { HangReport } from '../../src/supervision/hang-report.ts';
import { IncidentDesk } from '../../src/supervision/incident-desk.ts';

const WORKER = { app: 'shop', slot: 1, pid: 71 };

const REPORT: HangReport = {
  activity: 'spinning',
  cpuShare: 0.98,
  waitChannel: null,
  frames: [{ functionName: 'crunch', file: '/srv/shop.js', line: 12, column: 5 }],
  withoutFrames: null,
  inFlight: [],
  inFlightCount: 0,
};

/** What becomes of a series of events, one line per change. */
function changesOf(context: TestContext, events: readonly SupervisorEvent[], apps = ['shop']): string[] {
  const ring = new IncidentRing();
  const desk = new IncidentDesk(ring, () => apps);
  context.after(() => desk.close());
  const changes: string[] = [];
  ring.subscribe((incident, change) => {
    const { kind, severity, worker, count, cause, recovery } = incident;
    changes.push(`${change} ${kind} ${severity} ${worker ?? '-'} x${count}: ${recovery ?? cause}`);
  });
  for (const event of events) desk.tell(event);
  return changes;
}

const died = (restarts: number): SupervisorEvent => {
  const report = { kind: 'exit', exitCode: 1, signal: null, error: null, tail: [] } as const;
  const none = { inFlight: [], inFlightCount: 0 };
  return {
    type: 'worker-died',
    ...WORKER,
    cause: 'exit code 1',
    report,
    ...none,
    restartInMs: 0,
    replacedBy: null,
    restarts,
  };
};
const ready = (restarts: number): SupervisorEvent => {
  return { type: 'worker-ready', ...WORKER, pid: 72, bootMs: 9, failedStarts: 0, restarts, inPlaceOf: null };
};
const settled = (restarts: number): SupervisorEvent => ({ type: 'worker-settled', ...WORKER, pid: 72, restarts });

test('a death is over when the next one stays up', (context) => {
  assert.deepEqual(changesOf(context, [died(1), ready(1), settled(1)]), [
    'opened worker-died warning 1 x1: exit code 1',
    'closed worker-died warning 1 x1: pid 72 stays up, after 1 restart',
  ]);
});

test('deaths in a row are one incident, which becomes graver', (context) => {
  assert.deepEqual(changesOf(context, [died(1), ready(1), died(2), ready(2), died(3), ready(3), settled(3)]), [
    'opened worker-died warning 1 x1: exit code 1',
    'updated worker-died warning 1 x2: exit code 1',
    'escalated worker-died error 1 x3: exit code 1',
    'closed worker-died error 1 x3: pid 72 stays up, after 3 restarts',
  ]);
});

test('one that ends after another has come in its place leaves nothing open', (context) => {
  const changes = changesOf(context, [
    { ...ready(0), pid: WORKER.pid } as SupervisorEvent,
    { type: 'worker-stalled', ...WORKER, silentMs: 500, isTurning: false },
    { type: 'worker-hung', ...WORKER, silentMs: 10_000, report: REPORT, isLeftAlone: false },
    ready(0),
    { ...died(0), cause: 'it hung and was ended' } as SupervisorEvent,
  ]);
  assert.deepEqual(changes.slice(2), [
    'closed worker-hung error 1 x2: pid 72 is ready',
    'opened worker-died warning 1 x1: it hung and was ended',
    'closed worker-died warning 1 x1: pid 72 is ready',
  ]);
});

test('a stall that is over by itself stays a small matter', (context) => {
  const events: SupervisorEvent[] = [
    { type: 'worker-stalled', ...WORKER, silentMs: 500, isTurning: false },
    { type: 'worker-recovered', ...WORKER, silentMs: 800 },
  ];
  assert.deepEqual(changesOf(context, events), [
    'opened worker-stalled info 1 x1: its event loop has been silent for 500 ms',
    'closed worker-stalled info 1 x1: it answers again after 800 ms',
  ]);
});

test('a worker that hangs and is ended for it is one incident from the stall to the end', (context) => {
  const changes = changesOf(context, [
    { type: 'worker-stalled', ...WORKER, silentMs: 500, isTurning: false },
    { type: 'worker-hung', ...WORKER, silentMs: 10_000, report: REPORT, isLeftAlone: false },
    { ...died(1), cause: 'it hung and was ended' } as SupervisorEvent,
    ready(1),
    settled(1),
  ]);
  assert.deepEqual(changes, [
    'opened worker-stalled info 1 x1: its event loop has been silent for 500 ms',
    'escalated worker-hung error 1 x2: its event loop has been silent for 10 s: spinning (98 % of a core) in crunch, /srv/shop.js:12:5',
    'updated worker-hung error 1 x2: its event loop has been silent for 10 s: spinning (98 % of a core) in crunch, /srv/shop.js:12:5',
    'closed worker-hung error 1 x2: pid 72 stays up, after 1 restart',
  ]);
});

test('a crash loop, and what led to it, is over when a worker is up again', (context) => {
  const reason = 'Error: no database';
  const failed = (failedStarts: number): SupervisorEvent => {
    return { type: 'worker-boot-failed', ...WORKER, pid: 73, reason, failedStarts, restartInMs: 100 };
  };
  const changes = changesOf(context, [
    died(1),
    failed(1),
    { type: 'crash-loop', app: 'shop', reason, retryAfterSeconds: 1 },
    failed(3),
    ready(2),
    { type: 'crash-loop-over', app: 'shop' },
    settled(2),
  ]);
  assert.deepEqual(changes, [
    'opened worker-died warning 1 x1: exit code 1',
    'opened worker-boot-failed warning 1 x1: Error: no database',
    'opened crash-loop critical - x1: no worker is up: Error: no database',
    'escalated worker-boot-failed error 1 x2: Error: no database',
    'closed crash-loop critical - x1: a worker is up again',
    'closed worker-died warning 1 x1: pid 72 stays up, after 2 restarts',
    'closed worker-boot-failed error 1 x2: pid 72 stays up, after 2 restarts',
  ]);
});

test('a reload that fails is one incident, until one is done', (context) => {
  const changes = changesOf(context, [
    { type: 'reload-started', workers: 2, atNextStart: [] },
    { type: 'worker-boot-failed', ...WORKER, reason: 'broken', failedStarts: 0, restartInMs: null },
    { type: 'reload-failed', reason: 'broken' },
    { type: 'reload-started', workers: 2, atNextStart: [] },
    { type: 'reload-done', tookMs: 400 },
  ]);
  assert.deepEqual(changes, [
    'opened reload-failed error - x1: broken',
    'closed reload-failed error - x1: a reload was done in 400 ms',
  ]);
});

test('shedding counts the requests', (context) => {
  const changes = changesOf(context, [
    { type: 'shedding', app: 'shop', fresh: 40, requests: 40, lastsMs: 0 },
    { type: 'shedding', app: 'shop', fresh: 60, requests: 100, lastsMs: 10_000 },
    { type: 'shedding-over', app: 'shop', requests: 100, lastedMs: 11_000 },
  ]);
  assert.deepEqual(
    changes.map((line) => line.split(':', 1)[0]),
    ['opened shedding error - x40', 'updated shedding error - x100', 'closed shedding error - x100'],
  );
});

test('what has no worker any more is over: a place taken away, an app taken out, the end of all', (context) => {
  const scaled = changesOf(context, [died(1), { type: 'scaled', app: 'shop', workers: 1, why: null }]);
  assert.match(scaled.at(-1)!, /^closed worker-died .*: its place was taken away$/);
  const reloaded = changesOf(context, [died(1), { type: 'reload-done', tookMs: 1 }], ['api']);
  assert.match(reloaded.at(-1)!, /^closed worker-died .*: it was taken out$/);
  const failing = { type: 'reload-failed', reason: 'exit code 1' } as const;
  const notBrought = changesOf(context, [died(1), failing], ['api']);
  assert.match(notBrought.at(-1)!, /^closed worker-died .*: it was taken out$/);
  const stopped = changesOf(context, [died(1), { type: 'stopped', tookMs: 1 }]);
  assert.match(stopped.at(-1)!, /^closed worker-died .*: Evener was stopped$/);
  const failed = changesOf(context, [{ type: 'failed', code: 'EVENER_START_FAILED', reason: 'no port' }]);
  assert.deepEqual(failed, ['opened gave-up critical - x1: no port']);
});

test('a balancer thread that died is told with the first line of its stack, and the rest as evidence', (context) => {
  const ring = new IncidentRing();
  const desk = new IncidentDesk(ring, () => []);
  context.after(() => desk.close());
  desk.tell({ type: 'balancer-died', thread: 0, cause: 'Error: out\n    at x', restartInMs: 0 });
  const [incident] = ring.open();
  assert.equal(incident!.cause, 'balancer thread 0 died: Error: out');
  assert.deepEqual(incident!.evidence, { thread: 0, cause: 'Error: out\n    at x', restartInMs: 0 });
});
