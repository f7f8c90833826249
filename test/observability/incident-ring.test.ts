import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IncidentReport } from '../../src/observability/incident.ts';
import { IncidentRing } from '../../src/observability/incident-ring.ts';

function report(key: string, more: Partial<IncidentReport> = {}): IncidentReport {
  return {
    kind: 'worker-died',
    severity: 'warning',
    dedupKey: key,
    app: 'shop',
    worker: 0,
    cause: 'exit code 1',
    decision: 'it is restarted at once',
    evidence: { pid: 7 },
    ...more,
  };
}

function ringAt(startMs: number): { ring: IncidentRing; changes: string[]; pass: (ms: number) => void } {
  let now = startMs;
  const ring = new IncidentRing(undefined, () => now);
  const changes: string[] = [];
  ring.subscribe(({ kind, count }, change) => changes.push(`${change} ${kind} ${count}`));
  return {
    ring,
    changes,
    pass: (ms) => {
      now += ms;
    },
  };
}

test('what happens again while an incident is open adds to it', () => {
  const { ring, changes, pass } = ringAt(1_000_000);
  const first = ring.report(report('a'));
  pass(1_000);
  const second = ring.report(report('a', { cause: 'signal SIGKILL', evidence: { pid: 8 } }));
  assert.equal(second.id, first.id);
  assert.deepEqual([second.count, second.cause, second.evidence], [2, 'signal SIGKILL', { pid: 8 }]);
  assert.equal(second.openedAt, new Date(1_000_000).toISOString());
  assert.equal(second.updatedAt, new Date(1_001_000).toISOString());
  pass(1_000);
  const closed = ring.close('a', 'it stays up');
  assert.deepEqual([closed?.closedAt, closed?.recovery], [new Date(1_002_000).toISOString(), 'it stays up']);
  assert.equal(ring.close('a', 'again'), null);
  assert.deepEqual(changes, ['opened worker-died 1', 'updated worker-died 2', 'closed worker-died 2']);
  assert.notEqual(ring.report(report('a')).id, first.id);
  assert.deepEqual([...ring.totals()], [['worker-died', 2]]);
});

test('an incident becomes graver and never lighter', () => {
  const { ring, changes } = ringAt(0);
  ring.report(report('a', { kind: 'worker-stalled', severity: 'info' }));
  ring.report(report('a', { kind: 'worker-hung', severity: 'error' }));
  const last = ring.report(report('a', { kind: 'worker-hung', severity: 'info' }));
  assert.equal(last.severity, 'error');
  assert.deepEqual(changes, ['opened worker-stalled 1', 'escalated worker-hung 2', 'updated worker-hung 3']);
  assert.deepEqual(Object.fromEntries(ring.totals()), { 'worker-stalled': 1, 'worker-hung': 1 });
});

test('a flood of one kind is one incident, which ends when nothing new has come for a while', () => {
  const { ring, pass } = ringAt(0);
  for (let n = 0; n < 5_000; n++) {
    ring.report(report(`worker ${n}`));
    ring.close(`worker ${n}`, 'over');
    if (n % 100 === 0) ring.expire();
    pass(1);
  }
  assert.ok(ring.totals().get('worker-died')! < 25, String(ring.totals().get('worker-died')));
  const [flood, ...others] = ring.open();
  assert.deepEqual(others, []);
  assert.ok(flood!.count > 4_900);
  assert.deepEqual([flood!.worker, flood!.app], [null, null]);
  pass(61_000);
  ring.expire();
  assert.deepEqual(ring.open(), []);
  assert.equal(ring.report(report('later')).dedupKey, 'later');
});

test('keeps a bounded number, and lets go of those that are over first', () => {
  const { ring, pass } = ringAt(0);
  const lasting = ring.report(report('lasting'));
  for (let n = 0; n < 1_000; n++) {
    pass(10_000);
    ring.report(report(`n${n}`));
    ring.close(`n${n}`, 'over');
  }
  assert.ok(ring.list().length <= 256);
  assert.equal(ring.openWith('lasting')?.id, lasting.id);
  assert.equal(ring.dropped, 0);
  for (let n = 0; n < 1_000; n++) {
    pass(10_000);
    ring.report(report(`open${n}`));
  }
  assert.ok(ring.list().length <= 256 && ring.open().length <= 256);
  assert.ok(ring.dropped > 0);
  assert.equal(ring.get(lasting.id), null);
});

test('redacts what comes in, once for all who read it', () => {
  const ring = new IncidentRing((value) => JSON.parse(JSON.stringify(value).replaceAll('hunter2', '…')));
  const seen: string[] = [];
  ring.subscribe((incident) => seen.push(JSON.stringify(incident)));
  ring.report(report('a', { cause: 'hunter2', decision: 'hunter2', evidence: { deep: [{ text: 'hunter2' }] } }));
  ring.report(report('a', { cause: 'hunter2', decision: 'hunter2', evidence: { deep: [{ text: 'hunter2' }] } }));
  ring.close('a', 'hunter2');
  assert.doesNotMatch(seen.join() + JSON.stringify(ring.list()), /hunter2/);
  assert.equal(seen.length, 3);
});
