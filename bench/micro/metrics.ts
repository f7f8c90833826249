/**
 * What it costs to record one request: its metrics, and its line in the access log. Prints ns of CPU time for each, so that
 * it does not depend on what else the machine does; run by `node .build/bench/micro/metrics.js`.
 */
import { Outcome } from '../../src/core/outcome.ts';
import { Method } from '../../src/http1/methods.ts';
import { type LoggedExchange, lineOf } from '../../src/observability/access-line.ts';
import { AccessLog, type LogSink } from '../../src/observability/access-log.ts';
import { Counters } from '../../src/observability/counters.ts';
import { PoolMeter } from '../../src/observability/pool-meter.ts';
import { WorkerMeter } from '../../src/observability/worker-meter.ts';

const ROUNDS = 5;

/** The best of several rounds, in ns for one call. */
function time(what: string, calls: number, run: (calls: number) => void): void {
  run(calls);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    run(calls);
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, ((user + system) * 1000) / calls);
  }
  process.stdout.write(`${what.padEnd(48)} ${best.toFixed(0).padStart(6)} ns\n`);
}

const LINES =
  'GET /orders/42?q=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: */*\r\n';

function exchangeOf(i: number): LoggedExchange {
  return {
    method: Method.Get,
    methodName: 'GET',
    status: 200,
    outcome: Outcome.Completed,
    startedAtMs: i * 0.01,
    openedAtMs: i * 0.01,
    respondedAtMs: i * 0.01 + 1,
    bytesIn: 200,
    bytesOut: 1_000,
    lines: LINES,
    targetOffset: 4,
    targetLength: 14,
    minorVersion: 1,
    retries: 0,
    moves: 0,
    endpoint: { identity: '0' },
    address: '203.0.113.7',
  };
}
const EXCHANGES = Array.from({ length: 1_000 }, (_, i) => exchangeOf(i));

const pool = new PoolMeter();
const worker = new WorkerMeter();
time('metrics: all that one request needs', 1_000_000, (calls) => {
  for (let i = 0; i < calls; i++) {
    const exchange = EXCHANGES[i % EXCHANGES.length]!;
    pool.admitted();
    worker.setInFlight(1);
    worker.finished(0);
    pool.finished(exchange, true, exchange.startedAtMs + (i & 1023) * 0.05);
  }
});

const settings = { hasQuery: false, requestIdHeader: null };
const nowhere: LogSink = { pendingBytes: 0, write() {}, flush() {}, reopen() {}, close() {} };
time('access log: on the road of the request', 16_000, (calls) => {
  const log = new AccessLog({ ...settings, format: 'json' }, nowhere, new Counters());
  for (let i = 0; i < calls; i++) log.add('web', EXCHANGES[i % EXCHANGES.length]!, i);
});

let length = 0;
for (const format of ['json', 'combined'] as const) {
  const lines = { ...settings, format };
  time(`access log: a line of ${format}, in a batch`, 200_000, (calls) => {
    for (let i = 0; i < calls; i++) {
      const exchange = EXCHANGES[i % EXCHANGES.length]!;
      const record = { pool: 'web', exchange, address: '203.0.113.7', finishedAtMs: exchange.startedAtMs + 2 };
      length += lineOf(record, lines, 1_795_000_000_000, 'a1b2c3-1').length;
    }
  });
}
if (length === 0) throw new Error('no line was made');
