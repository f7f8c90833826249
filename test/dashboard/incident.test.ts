import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventText } from '../../src/dashboard/page/event-text.ts';
import { incidentOf, isOpen } from '../../src/dashboard/page/incident.ts';

test('an incident with a beginning and an end is taken as it is', () => {
  const told = {
    ...{ id: 'a-1', openedAt: '2026-01-01T00:00:00.000Z', updatedAt: '2026-01-01T00:00:01.000Z', closedAt: null },
    ...{ kind: 'worker-hung', severity: 'error', app: 'api', worker: 3, cause: 'silent', decision: 'it is ended' },
    ...{ evidence: { silentMs: 10_000 }, recovery: null, count: 2, dedupKey: 'k' },
  };
  const incident = incidentOf(told)!;
  assert.equal(incident.kind, 'worker hung');
  assert.equal(incident.about, 'api, worker 3');
  assert.equal(incident.decision, 'it is ended');
  assert.deepEqual(incident.evidence, { silentMs: 10_000 });
  assert.ok(isOpen(incident));
  assert.ok(!isOpen(incidentOf({ ...told, closedAt: '2026-01-01T00:00:09.000Z' })!));
});

test('a bare event is an incident whose end was not told', () => {
  const event = {
    type: 'worker-died',
    app: 'api',
    slot: 3,
    pid: 9,
    cause: 'signal SIGKILL',
    restartInMs: 0,
    inFlight: [],
  };
  const incident = incidentOf({ id: 5, time: '2026-01-01T00:00:00.000Z', event })!;
  assert.equal(incident.id, '5');
  assert.equal(incident.cause, 'api worker 3 (pid 9) died: signal SIGKILL; restarted at once');
  assert.deepEqual(Object.keys(incident.evidence), ['pid', 'cause', 'restartInMs', 'inFlight']);
  assert.ok(!isOpen(incident));
});

test('what a later version tells is shown as well as can be', () => {
  assert.equal(incidentOf('text'), null);
  assert.equal(incidentOf(null), null);
  assert.equal(incidentOf({ id: 1, kind: 7, severity: 'odd', evidence: [] })!.severity, 'warning');
  assert.equal(
    eventText({ type: 'worker-promoted', app: 'api', slot: 1, pid: 4 }),
    'api worker 1 (pid 4): worker promoted',
  );
  assert.equal(eventText({ type: 'disk-full', reason: 'no space' }), 'disk full: no space');
});
