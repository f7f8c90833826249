import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockText, PLAIN, statusText } from '../../src/cli/tables.ts';
import { status, worker } from './samples.ts';

test('the status shows every column where there is room, and breaks no line of 80', () => {
  const workers = [worker(0), worker(1, { state: 'stalled', eventLoop: { delayMs: 501, utilization: 1 } })];
  const wide = statusText(status(workers), PLAIN, Infinity);
  assert.match(wide, /^ID +PID +STATE +IN FLIGHT +REQUESTS +MEMORY +DELAY +BUSY +RESTARTS +UP$/m);
  assert.match(wide, /^1 +10001 +stalled +3 +123456 +51 MB +501 ms +100 % +1 +2 h 5 min$/m);
  const narrow = statusText(status(workers), PLAIN, 80);
  assert.match(narrow, /^ID +PID +STATE +IN FLIGHT +REQUESTS +MEMORY +DELAY +BUSY +RESTARTS$/m);
  const rows = narrow.split('\n').filter((line) => /^(ID|\d) /.test(line));
  assert.deepEqual(
    rows.map((row) => row.length > 80),
    [false, false, false],
  );
});

test('the status has no figures of a process that is not there', () => {
  const gone = worker(0, { pid: null, state: 'waiting', memory: null, inFlight: 0 });
  assert.match(statusText(status([gone]), PLAIN, Infinity), /^0 +- +waiting +0 +123456 +- +- +- +1 +-$/m);
});

test('the status counts servers where there are no workers', () => {
  const server = { server: 'http://10.0.0.5:8080', pool: 'web', state: 'up', reason: '' } as const;
  const { apps, ...rest } = status([]);
  const shown = { ...rest, servers: [server], apps: [{ ...apps[0]!, workers: { wanted: 2, ready: 1 } }] };
  assert.match(statusText(shown as never, PLAIN, Infinity), /^server\.js, 1 of 2 servers, http/m);
});

test('a time of another day has the day that it was here, and one of today none', (context) => {
  const { TZ } = process.env;
  context.after(() => {
    if (TZ === undefined) delete process.env.TZ;
    else process.env.TZ = TZ;
  });
  process.env.TZ = 'America/New_York';
  const now = new Date('2026-11-30T04:30:00Z');
  assert.equal(clockText('2026-11-29T02:15:07.250Z', now), '2026-11-28 21:15:07');
  assert.equal(clockText('2026-11-30T02:15:07.250Z', now), '21:15:07');
});
