import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createSupervisor, explanationText, type Supervisor, type SupervisorEvent } from '../../src/index.ts';
import { isBeingDebugged } from '../../src/supervision/hang-report.ts';
import { findInspector } from '../../src/supervision/inspector-address.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

const TSC = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));
const HANGS = 'hangs/hangs.cjs';

/** mapped.ts as its author would have compiled it. @returns the script that runs */
function compiled(t: TestContext, ...options: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'evener-mapped-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const source = join(APPS, 'hangs/mapped.ts');
  const fixed = ['--ignoreConfig', '--noCheck', '--target', 'es2022', '--module', 'esnext', '--outDir', folder];
  execFileSync(TSC, [source, ...fixed, ...options], { stdio: 'inherit' });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'mapped.js');
}

interface Running {
  readonly supervisor: Supervisor;
  readonly events: SupervisorEvent[];
  readonly url: string;
  readonly pid: number;
}

async function supervised(t: TestContext, app: string, args: string[] = []): Promise<Running> {
  const events: SupervisorEvent[] = [];
  const supervisor = createSupervisor({ app, args, cwd: APPS, workers: 1, hangLimit: 'off' });
  supervisor.subscribe((event) => events.push(event));
  t.after(() => supervisor.kill());
  await supervisor.start();
  const listening = events.find((event) => event.type === 'listening')!;
  const ready = events.find((event) => event.type === 'worker-ready')!;
  return { supervisor, events, url: `http://127.0.0.1:${listening.address.port}`, pid: ready.pid };
}

test('tells the line that a worker hangs in before it ends it, and starts another', async (t) => {
  const evener = new EvenerProcess(t, [HANGS, '-w', '1', '--hang-limit', '2s']);
  const url = await evener.url(1);
  const [pid] = workerPids(evener);
  const answer = request(`${url}/spin?secret=1`, 'POST');
  await evener.said(
    /hangs: silent for [\d.]+ s, spinning \(\d+ % of a core\) in crunch, hangs\/hangs\.cjs:10:\d+; ending it$/m,
  );
  await evener.said(/^ {4}at \/spin \(hangs\/hangs\.cjs:\d+:\d+\)$/m);
  await evener.said(/^ {4}in flight for [\d.]+ s: POST \/spin$/m);
  await evener.said(/died: it hung and was ended/);
  assert.equal((await answer).status, 502);
  await evener.saidTimes(/worker 0 ready/, 2);
  assert.notEqual((await request(url)).body, String(pid));
  assert.doesNotMatch(evener.stderr, /Debugger|For help, see|link-socket|secret/);
});

test('finds the line in the source by a map beside the script, or within it', async (t) => {
  for (const option of ['--sourceMap', '--inlineSourceMap']) {
    const { supervisor, url } = await supervised(t, compiled(t, option));
    request(`${url}/settle`, 'POST').catch(() => {});
    const explanation = await until('it to be blocked', async () => {
      const found = await supervisor.why(0);
      return found?.answeredInMs === null && found.frames.length > 0 ? found : null;
    });
    const [settle, handler] = explanation.frames.filter(({ functionName }) => functionName !== 'isPaid');
    assert.deepEqual([settle!.functionName, settle!.file, settle!.line], ['settle', join(APPS, 'hangs/mapped.ts'), 13]);
    assert.equal(handler!.line, 17, option);
    await supervisor.kill();
  }
});

test('why leaves a blocked worker as it was, its inspector closed', async (t) => {
  const { supervisor, url, pid, events } = await supervised(t, HANGS);
  const folder = mkdtempSync(join(tmpdir(), 'evener-spin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'over');
  const answer = request(`${url}/spin-until?${file}`, 'POST');
  await until('it to be stalled', () => events.some(({ type }) => type === 'worker-stalled'));
  const explanation = await until('it to be blocked', async () => {
    const found = await supervisor.why(0);
    // Now and then it looks for the file.
    return found?.answeredInMs === null && found.frames[0]?.functionName === 'crunch' ? found : null;
  });
  assert.equal(explanation.activity, 'spinning');
  assert.deepEqual(
    explanation.inFlight.map(({ method, target }) => `${method} ${target}`),
    ['POST /spin-until'],
  );
  assert.match(
    explanationText(explanation, APPS)[0]!,
    /^worker 0 \(pid \d+\) is blocked: spinning .+ in crunch, hangs\//,
  );
  assert.equal(await findInspector(pid), null);
  writeFileSync(file, '');
  assert.equal((await answer).body, String(pid), 'it went on');
  await until('the inspector to stay closed', async () => (await findInspector(pid)) === null);
});

test('why tells of a worker that is not blocked, and opens no inspector', async (t) => {
  const { supervisor, pid } = await supervised(t, HANGS);
  const explanation = await until('it to answer', async () => {
    const found = await supervisor.why(0);
    return found?.answeredInMs === null ? null : found;
  });
  assert.deepEqual(explanation.frames, []);
  assert.match(
    explanationText(explanation, APPS)[0]!,
    /is not blocked: its event loop turns \(answered in \d+ ms\), busy/,
  );
  assert.equal(await findInspector(pid), null);
  assert.equal(await supervisor.why(7), null);
});

test('says what a worker without a stack waits in', async (t) => {
  const { supervisor, url, events } = await supervised(t, HANGS);
  request(`${url}/sleep`, 'POST').catch(() => {});
  await until('it to be stalled', () => events.some(({ type }) => type === 'worker-stalled'));
  const explanation = await until('it to be blocked', async () => {
    const found = await supervisor.why(0);
    return found?.answeredInMs === null && found.inFlight.length > 0 ? found : null;
  });
  assert.deepEqual([explanation.activity, explanation.withoutFrames], ['waiting', 'no-answer']);
});

test('closes an inspector that opens only when nobody waits for it any more', async (t) => {
  const { supervisor, url, pid } = await supervised(t, HANGS);
  const folder = mkdtempSync(join(tmpdir(), 'evener-sleep-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'over');
  const answer = request(`${url}/sleep-until?${file}`, 'POST');
  await until('it to be asked in vain', async () => (await supervisor.why(0))?.withoutFrames === 'no-answer');
  writeFileSync(file, '');
  assert.equal((await answer).body, String(pid));
  await until('it to have opened', async () => (await request(`${url}/is-inspected`)).body === 'true');
  await until('the inspector to be closed', async () => (await findInspector(pid)) === null);
});

test('does not take itself for a debugger while it closes an inspector', async (t) => {
  const { supervisor, url, pid } = await supervised(t, HANGS);
  const folder = mkdtempSync(join(tmpdir(), 'evener-naps-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'over');
  const answer = request(`${url}/naps-until?${file}`, 'POST');
  await until('it to be blocked', async () => (await supervisor.why(0))?.answeredInMs === null);
  let looks = 0;
  await until('the inspector to be open, with us connected', async () => {
    const open = await findInspector(pid);
    assert.equal(await isBeingDebugged(pid), false);
    return open?.clients === 1 && ++looks === 3;
  });
  writeFileSync(file, '');
  assert.equal((await answer).body, String(pid));
});

test('says of a stopped worker that it is stopped, and replaces it', async (t) => {
  const evener = new EvenerProcess(t, [HANGS, '-w', '1', '--hang-limit', '2s']);
  await evener.url(1);
  process.kill(workerPids(evener)[0]!, 'SIGSTOP');
  await evener.said(/hangs: silent for [\d.]+ s, stopped; ending it\n {4}it was stopped by a signal \(SIGSTOP/);
  await evener.said(/died: it hung and was ended/);
  await evener.saidTimes(/worker 0 ready/, 2);
});

test('ends a worker whose app listens for SIGUSR1 without a stack', async (t) => {
  const evener = new EvenerProcess(t, [HANGS, '-w', '1', '--hang-limit', '2s', '--', 'listens-for-sigusr1']);
  request(`${await evener.url(1)}/spin`, 'POST').catch(() => {});
  await evener.said(/hangs: silent for [\d.]+ s, spinning \(\d+ % of a core\); ending it\n {4}no stack/);
  await evener.said(/died: it hung and was ended/);
});

test('explains a worker by the inspector that its user has opened, and leaves one alone that is debugged', async (t) => {
  const settings = { env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } };
  const evener = new EvenerProcess(t, [HANGS, '-w', '1', '--hang-limit', '2s'], settings);
  const url = await evener.url(1);
  const { url: inspector } = (await findInspector(workerPids(evener)[0]!))!;
  const debuggerOfUser = new WebSocket(inspector);
  await once(debuggerOfUser, 'open');
  request(`${url}/spin`, 'POST').catch(() => {});
  await evener.said(/hangs: .+; left alone\n {4}a debugger is attached/);
  debuggerOfUser.close();
  await evener.said(/hangs: .+ in crunch, .+; ending it\n {4}at crunch/);
});

test('explains the process at the end of a package command', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-package-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const start = { scripts: { start: `exec node ${join(APPS, HANGS)}` } };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(start));
  const evener = new EvenerProcess(t, ['-w', '1', '--hang-limit', '2s', '--', 'npm', 'start'], { cwd: folder });
  request(`${await evener.url(1)}/spin`, 'POST').catch(() => {});
  await evener.said(/hangs: .+ spinning .+ in crunch, .+hangs\.cjs:10:\d+; ending it\n {4}at crunch/);
});
