import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IncidentHook } from '../../src/notify/incident-hook.ts';
import { IncidentRing } from '../../src/observability/incident-ring.ts';
import { until } from '../support/until.ts';

const REPORT = {
  kind: 'worker-died',
  severity: 'warning',
  dedupKey: 'a',
  app: 'shop',
  worker: 0,
  cause: 'exit code 1',
  decision: 'restarted',
  evidence: { list: [1] },
} as const;

test('is called with a copy of its own, for every change, after whoever raised it has gone on', async () => {
  const ring = new IncidentRing();
  const heard: string[] = [];
  const hook = new IncidentHook(
    (incident, change) => {
      heard.push(`${change} ${incident.count} ${JSON.stringify(incident.evidence)}`);
      (incident.evidence as { list: number[] }).list.push(2);
    },
    () => assert.fail('no trouble'),
  );
  ring.subscribe((incident, change) => hook.hear(incident, change));
  ring.report(REPORT);
  assert.deepEqual(heard, []);
  ring.report(REPORT);
  ring.close('a', 'over');
  await until('three calls', () => heard.length === 3);
  assert.deepEqual(heard, ['opened 1 {"list":[1]}', 'updated 2 {"list":[1]}', 'closed 2 {"list":[1]}']);
  assert.deepEqual(ring.list()[0]!.evidence, { list: [1] });
});

test('what it throws or rejects with is told once', async () => {
  const ring = new IncidentRing();
  for (const fail of [
    () => {
      throw new TypeError('no such thing');
    },
    async () => {
      throw new TypeError('no such thing');
    },
  ]) {
    const told: string[] = [];
    const hook = new IncidentHook(fail, (reason) => told.push(reason));
    for (let n = 0; n < 5; n++) hook.hear(ring.report(REPORT), 'updated');
    await until('all calls to be over', () => hook.underWay === 0);
    assert.deepEqual(told, ['TypeError: no such thing']);
  }
});

test('calls that never end are bounded', async () => {
  const ring = new IncidentRing();
  const told: string[] = [];
  let calls = 0;
  const hook = new IncidentHook(
    () => {
      calls++;
      return new Promise(() => {});
    },
    (reason) => told.push(reason),
  );
  for (let n = 0; n < 100; n++) hook.hear(ring.report(REPORT), 'updated');
  await until('the first calls', () => calls === 16);
  assert.equal(hook.leftOut, 84);
  assert.equal(told.length, 1);
});
