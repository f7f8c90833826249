import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Narrator } from '../../src/cli/narrator.ts';
import type { CrashReport, SupervisorEvent } from '../../src/index.ts';

const worker = { app: 'web', slot: 2, pid: 5 };
const ready: SupervisorEvent = {
  type: 'worker-ready',
  ...worker,
  bootMs: 85.4,
  failedStarts: 0,
  restarts: 0,
  inPlaceOf: null,
};

const REPORT: CrashReport = { kind: 'signal', exitCode: null, signal: 'SIGKILL', error: null, tail: [] };

function lines(...events: SupervisorEvent[]): string[] {
  const said: string[] = [];
  const narrator = new Narrator((line) => said.push(line));
  for (const event of events) narrator.tell(event);
  return said;
}

function listening(host: string | null, port: number, path: string | null = null): SupervisorEvent {
  return { type: 'listening', address: { host, port, path, protocol: 'http' } };
}

function death(restarts: number, restartInMs: number | null, requests: number = 0): SupervisorEvent {
  const inFlight = Array.from({ length: requests }, () => ({
    method: 'GET',
    target: '/',
    ageMs: 1,
    fingerprint: null,
  }));
  const facts = { cause: 'signal SIGKILL', report: REPORT, inFlight, inFlightCount: requests };
  return { type: 'worker-died', ...worker, ...facts, restartInMs, replacedBy: null, restarts };
}

test('tells which options wait for the next start', () => {
  assert.deepEqual(lines({ type: 'reload-started', workers: 0, atNextStart: ['threads', 'watch'] }), [
    'reload: applying the options; not before the next start: threads, watch',
  ]);
});

test('names the pool of a server where there are several', () => {
  const pool = (name: string) => ({ pool: name, servers: ['http://a'], sources: [] });
  const down = { type: 'server-down', server: 'http://a', state: 'unreachable', reason: 'ECONNREFUSED' } as const;
  assert.deepEqual(
    lines({ type: 'starting', apps: [], pools: [pool('api')], threads: 1, shortage: null }, { ...down, pool: 'api' }),
    ['starting 1 server: http://a', 'server http://a gets no requests: ECONNREFUSED'],
  );
  assert.deepEqual(
    lines(
      { type: 'starting', apps: [], pools: [pool('api'), pool('shop')], threads: 1, shortage: null },
      { ...down, pool: 'shop' },
      { type: 'server-up', pool: 'shop', server: 'http://a' },
    ),
    [
      'starting api: 1 server: http://a; shop: 1 server: http://a',
      'server http://a of shop gets no requests: ECONNREFUSED',
      'server http://a of shop is back',
    ],
  );
});

test('tells a source that is taken in part from one that says nothing', () => {
  const source = {
    type: 'source-failed',
    pool: 'api',
    source: 'etcd://e/s',
    reason: '/s/1: url: expected one',
  } as const;
  assert.deepEqual(lines({ ...source, isPartial: true }, { ...source, isPartial: false }), [
    'etcd://e/s is taken in part: /s/1: url: expected one',
    'etcd://e/s does not say which servers there are, those that are known stay: /s/1: url: expected one',
  ]);
});

test('names the app of a worker where there are several, also where their start is not told of', () => {
  const said: string[] = [];
  const narrator = new Narrator((line) => said.push(line), ['web', 'api']);
  narrator.tell(ready);
  assert.deepEqual(said, ['worker web:2 ready (pid 5, 85 ms)']);
});

test('names the app of a worker where a reload has brought another', () => {
  const start = { app: 'web', command: 'web.js', workers: 1 };
  assert.deepEqual(
    lines(
      { type: 'starting', apps: [start], pools: [], threads: 1, shortage: null },
      ready,
      { ...ready, app: 'api', slot: 0 },
      ready,
    ).slice(1),
    ['worker 2 ready (pid 5, 85 ms)', 'worker api:0 ready (pid 5, 85 ms)', 'worker web:2 ready (pid 5, 85 ms)'],
  );
});

test('says where it listens so that it can be clicked', () => {
  assert.deepEqual(
    lines(listening('::', 3000), listening('127.0.0.1', 80), listening('::1', 80), listening(null, -1, '/a')),
    [
      'listening on http://localhost:3000',
      'listening on http://127.0.0.1:80',
      'listening on http://[::1]:80',
      'listening on /a',
    ],
  );
});

test('lets nothing act on a terminal that an app has a say in', () => {
  const died = { ...death(1, 0), cause: 'Error: \x1b[31mboom\x1b[39m \x1b]0;title\x07\r\x9b2J\tä' };
  assert.deepEqual(lines(died as SupervisorEvent), [
    'worker 2 (pid 5) died: Error: boom \\x1b]0;title\\x07\\x0d\\x9b2J\tä; restarting at once',
  ]);
});

test('tells readiness and deaths', () => {
  assert.deepEqual(lines(ready, { ...ready, failedStarts: 3 }, death(1, 0, 3), death(2, 104, 1), death(3, null)), [
    'worker 2 ready (pid 5, 85 ms)',
    'worker 2 ready (pid 5, 85 ms, after 3 failed starts)',
    'worker 2 (pid 5) died: signal SIGKILL; 3 requests in flight; restarting at once',
    'worker 2 (pid 5) died: signal SIGKILL; 1 request in flight; restarting in 104 ms',
    'worker 2 (pid 5) died: signal SIGKILL',
  ]);
});

test('tells a worker that keeps dying once, and that it stays up', () => {
  const events = Array.from({ length: 10 }, (_, index) => [
    death(index + 1, 100),
    { ...ready, restarts: index + 1 } as SupervisorEvent,
  ]).flat();
  const said = lines(...events, { type: 'worker-settled', ...worker, restarts: 10 });
  assert.equal(said.length, 8, said.join('\n'));
  assert.match(said.at(-2)!, /it keeps dying, more when it stays up$/);
  assert.equal(said.at(-1), 'worker 2 (pid 5) stays up, after 10 restarts');
});

test('tells a failed start only once, and not before any worker was up', () => {
  const failed: SupervisorEvent = {
    type: 'worker-boot-failed',
    ...worker,
    reason: 'why',
    failedStarts: 1,
    restartInMs: 0,
  };
  assert.deepEqual(lines(failed, ready, failed, { ...failed, failedStarts: 2 }), [
    'worker 2 ready (pid 5, 85 ms)',
    'worker 2 (pid 5) did not come up: why; restarting at once',
  ]);
});

test('says who has the place of one that was replaced before it ended, and that none is started then', () => {
  assert.deepEqual(lines({ ...death(0, null), replacedBy: 9 } as SupervisorEvent), [
    'worker 2 (pid 5) died: signal SIGKILL; pid 9 has its place',
  ]);
});
