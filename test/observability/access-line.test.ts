import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outcome } from '../../src/core/outcome.ts';
import { Method } from '../../src/http1/methods.ts';
import {
  type LineSettings,
  type LoggedExchange,
  lineOf,
  refusedExchange,
} from '../../src/observability/access-line.ts';

const CLIENT = { peer: { remoteAddress: '203.0.113.7' } };
const EPOCH = Date.UTC(2026, 10, 24, 6, 36, 10);
const JSON_LINES: LineSettings = { format: 'json', hasQuery: false, requestIdHeader: null };
const COMBINED: LineSettings = { ...JSON_LINES, format: 'combined' };

function exchange(fields: string = '', target: string = '/a/b?token=secret'): LoggedExchange {
  return {
    method: Method.Get,
    methodName: 'GET',
    status: 200,
    outcome: Outcome.Completed,
    startedAtMs: 1000,
    openedAtMs: 1002.5,
    respondedAtMs: 1010,
    bytesIn: 120,
    bytesOut: 3000,
    lines: `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}`,
    targetOffset: 4,
    targetLength: target.length,
    minorVersion: 1,
    retries: 1,
    moves: 2,
    endpoint: { identity: '3' },
    address: CLIENT.peer.remoteAddress,
  };
}

function line(one: LoggedExchange, settings: LineSettings): string {
  const record = { pool: 'web', exchange: one, address: one.address, finishedAtMs: 1030.126 };
  return lineOf(record, settings, EPOCH - 1000, 'made-1');
}

test('a JSON line tells all there is to tell, without the query', () => {
  const text = line(exchange(), JSON_LINES);
  assert.ok(text.endsWith('}\n'));
  assert.deepEqual(JSON.parse(text), {
    time: '2026-11-24T06:36:10.000Z',
    id: 'made-1',
    client: '203.0.113.7',
    app: 'web',
    worker: '3',
    method: 'GET',
    target: '/a/b',
    protocol: 'HTTP/1.1',
    status: 200,
    bytesIn: 120,
    bytesOut: 3000,
    queueMs: 2.5,
    firstByteMs: 10,
    totalMs: 30.13,
    retries: 1,
    moves: 2,
    outcome: 'EVENER_COMPLETED',
    flag: '-',
  });
  assert.match(line(exchange(), { ...JSON_LINES, hasQuery: true }), /"target":"\/a\/b\?token=secret"/);
});

test('a combined line begins as every log reader knows it', () => {
  const text = line(exchange('Referer: http://b/\r\nUser-Agent: curl/8\r\n'), COMBINED);
  assert.equal(
    text,
    '203.0.113.7 - - [24/Nov/2026:06:36:10 +0000] "GET /a/b HTTP/1.1" 200 3000 "http://b/" "curl/8" ' +
      'id=made-1 app=web worker=3 queue=2.50 first=10.00 total=30.13 in=120 retries=1 moves=2 end=-\n',
  );
});

test('takes the id from the header that is named for it', () => {
  const settings: LineSettings = { ...JSON_LINES, requestIdHeader: 'x-request-id' };
  const idIn = (fields: string): unknown => (JSON.parse(line(exchange(fields), settings)) as { id: unknown }).id;
  assert.equal(idIn('X-Request-ID:  abc-1 \r\n'), 'abc-1');
  assert.equal(idIn('A: x-request-id: no\r\nx-request-id: yes\r\nx-request-id: again\r\n'), 'yes');
  assert.equal(idIn('x-request-idx: no\r\n'), 'made-1');
  assert.equal(idIn('x-request-id:\r\n'), 'made-1');
  assert.equal(String(idIn(`x-request-id: ${'y'.repeat(5000)}\r\n`)).length, 512);
});

test('a client cannot forge a line', () => {
  const forged = exchange('User-Agent: x" 200 1 "\x0bevil\\ \xe9\r\n', '/a"b\\c');
  const combined = line(forged, COMBINED);
  assert.equal(combined.split('\n').length, 2);
  assert.match(combined, /"GET \/a\\x22b\\x5cc HTTP\/1\.1"/);
  assert.match(combined, /"x\\x22 200 1 \\x22\\x0bevil\\x5c \\xe9"/);
  assert.equal((JSON.parse(line(forged, JSON_LINES)) as { target: string }).target, '/a"b\\c');
  const named = line(exchange('X-Id: 1 app=other end="-"\r\n'), { ...COMBINED, requestIdHeader: 'x-id' });
  assert.match(named, / id=1\\x20app=other\\x20end=\\x22-\\x22 app=web /);
});

test('tells what never got to a worker, and what was refused at the door', () => {
  const queued = {
    ...exchange(),
    openedAtMs: 0,
    respondedAtMs: 0,
    endpoint: null,
    status: 503,
    outcome: Outcome.QueueFull,
  };
  const told = JSON.parse(line(queued, JSON_LINES)) as Record<string, unknown>;
  assert.deepEqual([told.worker, told.queueMs, told.firstByteMs, told.flag], ['-', 30.13, null, 'Q']);
  const refused = refusedExchange(CLIENT, Outcome.ClientBadRequest, 400, 1000);
  const bad = JSON.parse(line(refused, JSON_LINES)) as Record<string, unknown>;
  assert.deepEqual([bad.method, bad.target, bad.protocol, bad.status, bad.flag], ['-', '-', '-', 400, 'B']);
  assert.match(line(refused, COMBINED), /\] "-" 400 0 "-" "-" id=made-1 .+ first=- .+ end=B\n$/);
});
