import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventText } from '../../src/dashboard/page/event-text.ts';

test('an event is a sentence', () => {
  const worker = { app: 'api', slot: 3, pid: 9 };
  const vectors: readonly (readonly [Parameters<typeof eventText>[0], string])[] = [
    [
      { type: 'worker-died', ...worker, cause: 'signal SIGKILL', restartInMs: 0, inFlight: [] },
      'api worker 3 (pid 9) died: signal SIGKILL; restarted at once',
    ],
    [
      { type: 'worker-died', ...worker, cause: 'exit code 1', restartInMs: 1500 },
      'api worker 3 (pid 9) died: exit code 1; restarted in 1.5 s',
    ],
    [
      { type: 'worker-awaited', ...worker, addresses: [], limitMs: 29_000 },
      'api worker 3 (pid 9) does not listen yet wherever the one before it does, which stays for 29.0 s at most',
    ],
    [{ type: 'reload-started', workers: 1 }, 'reload of 1 worker'],
    [{ type: 'reload-done', tookMs: 4120 }, 'reload done in 4.1 s'],
    [
      { type: 'source-failed', pool: 'api', source: 'file:x', reason: 'cannot be read: ENOENT', isPartial: false },
      'api: file:x does not say which servers there are: cannot be read: ENOENT',
    ],
    [
      { type: 'source-failed', pool: 'api', source: 'etcd:x', reason: '/x/1: url: expected one', isPartial: true },
      'api: etcd:x is taken in part: /x/1: url: expected one',
    ],
    [{ type: 'scaled', app: 'api', workers: 4, why: null }, 'api is scaled to 4 workers'],
  ];
  for (const [event, text] of vectors) assert.equal(eventText(event), text);
});

test('an event of a later version is told as well as can be', () => {
  assert.equal(
    eventText({ type: 'worker-promoted', app: 'api', slot: 1, pid: 4 }),
    'api worker 1 (pid 4): worker promoted',
  );
  assert.equal(eventText({ type: 'disk-full', reason: 'no space' }), 'disk full: no space');
  assert.equal(eventText({ type: 'worker-died', slot: {}, cause: null }), 'worker ? died: ?; it is not restarted');
});
