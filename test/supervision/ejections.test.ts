import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EjectionMessage, Ejections } from '../../src/supervision/ejections.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';

const EJECTED: Omit<Extract<EjectionMessage, { type: 'endpoint-ejected' }>, 'pool' | 'endpoint'> = {
  type: 'endpoint-ejected',
  ...{ cause: 'consecutive-failures', detail: '5 failures in a row' },
  ...{ forMs: 1_000, times: 1, failed: 5, requests: 5 },
};

test('a server whose pool is taken out returns as the server that it was', () => {
  const pools = new Set(['api']);
  const events: SupervisorEvent[] = [];
  const ejections = new Ejections(
    (pool) => !pools.has(pool),
    (event) => events.push(event),
  );
  for (const [pool, endpoint] of [
    ['api', 'http://a:1'],
    ['app', '2'],
  ] as const) {
    ejections.threadSaid(0, { ...EJECTED, pool, endpoint });
  }
  pools.delete('api');
  ejections.threadSaid(0, { type: 'endpoint-returned', pool: 'api', endpoint: 'http://a:1', cause: 'gone' });
  ejections.threadDied(0);
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'endpoint-returned' ? [[event.app, event.worker, event.server]] : [])),
    [
      ['api', null, 'http://a:1'],
      ['app', 2, null],
    ],
  );
});
