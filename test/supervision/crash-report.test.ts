import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createSupervisor, type SupervisorEvent } from '../../src/index.ts';
import { type CrashEvidence, crashReport, crashText } from '../../src/supervision/crash-report.ts';
import { MemoryShortage } from '../../src/supervision/memory-shortage.ts';
import type { WorkerExit } from '../../src/supervision/worker-process.ts';
import { APPS, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

function report(exit: Partial<WorkerExit>, more: Partial<CrashEvidence> = {}) {
  const whole = { code: null, signal: null, spawnFailure: null, ...exit };
  const made = crashReport({ exit: whole, dismissal: null, tail: [], cwd: '/app', wasMemoryShort: false, ...more });
  return { ...made, text: crashText(whole, made) };
}

const UNCAUGHT = [
  'before',
  '/app/lib/cart.js:12',
  '  return items.total();',
  '               ^',
  '',
  'TypeError: items.total is not a function',
  '    at total (/app/lib/cart.js:12:16)',
  '    at Server.<anonymous> (/app/server.js:4:3)',
  '',
  'Node.js v20.20.2',
];

test('tells an exception that nobody caught, with its place and stack', () => {
  const { kind, error, text, tail } = report({ code: 1 }, { tail: UNCAUGHT });
  assert.equal(kind, 'uncaught');
  assert.equal(text, 'exit code 1, lib/cart.js:12: TypeError: items.total is not a function');
  assert.deepEqual(error!.stack, UNCAUGHT.slice(6, 8));
  assert.deepEqual(tail, UNCAUGHT);
});

test('an error that was logged before an exit is not what ended it, but is told', () => {
  const { kind, error, text } = report({ code: 3 }, { tail: ['Error: no database', '    at connect (db.js:1:1)'] });
  assert.deepEqual([kind, text, error!.text], ['exit', 'exit code 3', 'Error: no database']);
  assert.equal(report({ code: 0 }, { tail: UNCAUGHT }).error, null);
});

test('knows a heap that has reached its limit, by a signal or through a shell', () => {
  const tail = [
    '<--- Last few GCs --->',
    'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
    '----- Native stack trace -----',
  ];
  assert.equal(report({ signal: 'SIGABRT' }, { tail }).kind, 'heap-limit');
  assert.equal(report({ code: 134 }, { tail }).kind, 'heap-limit');
  assert.equal(report({ signal: 'SIGABRT' }).kind, 'signal');
});

test('knows what was killed by the kernel from what was killed by somebody, and from what we ended', () => {
  assert.equal(report({ signal: 'SIGKILL' }, { wasMemoryShort: true }).kind, 'out-of-memory');
  assert.equal(report({ signal: 'SIGKILL' }).text, 'signal SIGKILL');
  const hung = report({ signal: 'SIGKILL' }, { wasMemoryShort: true, dismissal: 'hung', tail: UNCAUGHT });
  assert.deepEqual([hung.kind, hung.error], ['hung', null]);
});

test('counts what the kernel has ended in our own control group', () => {
  const root = mkdtempSync(join(tmpdir(), 'evener-cgroup-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  try {
    const seen = (path: string, group: string): void => {
      write(path, 'oom_kill 3\n');
      const shortage = new MemoryShortage(root);
      assert.equal(shortage.hasHappened(), false, `${group}: what was before does not count`);
      write(path, 'low 0\noom_kill 4\n');
      assert.deepEqual([shortage.hasHappened(), shortage.hasHappened()], [true, false], group);
    };
    assert.equal(new MemoryShortage(root).hasHappened(), false, 'nothing tells');
    seen('proc/vmstat', 'no group');
    write('proc/self/cgroup', '9:cpu,memory:/m\n0::/system.slice/app\n');
    seen('sys/fs/cgroup/memory/memory.oom_control', 'version 1 in a container');
    seen('sys/fs/cgroup/memory/m/memory.oom_control', 'version 1');
    seen('sys/fs/cgroup/memory.events', 'version 2 in a container');
    seen('sys/fs/cgroup/system.slice/app/memory.events', 'version 2');
    const shortage = new MemoryShortage(root);
    write('proc/vmstat', 'oom_kill 5\n');
    assert.equal(shortage.hasHappened(), false, 'another container');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('reports what real workers die of', async (t) => {
  const deaths: Extract<SupervisorEvent, { type: 'worker-died' }>[] = [];
  let url = '';
  let starts = 0;
  // One that runs out of memory may take its time.
  const patience = { nodeArgs: ['--max-old-space-size=40'], hangLimit: 'off' };
  const supervisor = createSupervisor({ app: 'crashes.cjs', cwd: APPS, workers: 1, ...patience });
  supervisor.subscribe((event) => {
    if (event.type === 'listening') url = `http://127.0.0.1:${event.address.port}`;
    if (event.type === 'worker-died') deaths.push(event);
    if (event.type === 'worker-ready') starts++;
  });
  t.after(() => supervisor.kill());
  await supervisor.start();
  const dieOf = async (path: string) => {
    const before = deaths.length;
    // A request waits for a worker for so long only.
    await until('a worker', () => starts > before);
    assert.equal((await request(url + path, 'POST')).status, 502);
    return until('the report', () => deaths[before]);
  };
  const thrown = await dieOf('/throw');
  assert.equal(thrown.report.kind, 'uncaught');
  assert.match(thrown.cause, /^exit code 1, crashes\.cjs:\d+: RangeError: out of stock$/);
  assert.match(thrown.report.error!.stack[0]!, /^ {4}at \/throw \(.+crashes\.cjs:\d+:\d+\)$/);
  assert.deepEqual(
    thrown.inFlight.map(({ method, target }) => `${method} ${target}`),
    ['POST /throw'],
  );
  assert.ok(thrown.report.tail.includes('about to throw'));
  const rejected = await dieOf('/reject');
  assert.deepEqual([rejected.report.kind, rejected.report.error!.text.slice(-16)], ['uncaught', 'Error: no answer']);
  assert.equal((await dieOf('/heap')).report.kind, 'heap-limit');
  assert.deepEqual([(await dieOf('/exit')).report.kind, deaths.at(-1)!.report.exitCode], ['exit', 5]);
});

test('of many requests in flight a death tells of the oldest, and how many there were', async (t) => {
  const supervisor = createSupervisor({ app: 'counting.cjs', cwd: APPS, workers: 1 });
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  t.after(() => supervisor.kill());
  await supervisor.start();
  const { address } = events.find((event) => event.type === 'listening')!;
  const { pid } = events.find((event) => event.type === 'worker-ready')!;
  const url = `http://127.0.0.1:${address.port}`;
  const answers = Array.from({ length: 150 }, () => request(`${url}/never`, 'POST').catch(() => null));
  await until('all to be in flight', async () => (await supervisor.why(0))?.inFlight.length === 150);
  process.kill(pid, 'SIGKILL');
  const death = await until('the death to be told', () => events.find((event) => event.type === 'worker-died'));
  assert.deepEqual([death.inFlight.length, death.inFlightCount], [100, 150]);
  await supervisor.close();
  await Promise.all(answers);
});
