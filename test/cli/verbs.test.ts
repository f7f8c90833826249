import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { type Answer, APPS, assertEnding, EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { MAIN } from '../support/package-scripts.ts';
import { until } from '../support/until.ts';

async function statusOf(evener: EvenerProcess): Promise<Status> {
  const { code, stdout, stderr } = await verb(evener, ['status', '--json']);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Status;
}

/** The same by its control socket: where it is asked for again and again, a process each time would take far too long. */
async function now(evener: EvenerProcess): Promise<Status> {
  return (await controlOf(evener)).get<Status>('/status');
}

test('status shows the instance, its app and its workers', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--name', 'web']);
  const url = await evener.url(2);
  for (let i = 0; i < 6; i++) await request(url);
  const status = await statusOf(evener);
  assert.deepEqual([status.name, status.pid, status.state, status.threads], ['web', evener.pid, 'running', 1]);
  assert.deepEqual([status.apps[0]!.requests, status.apps[0]!.addresses], [6, [url]]);
  assert.deepEqual(
    status.workers.map(({ id, state, inFlight, restarts }) => [id, state, inFlight, restarts]),
    [
      ['0', 'ready', 0, 0],
      ['1', 'ready', 0, 0],
    ],
  );
  assert.equal(status.workers[0]!.requests + status.workers[1]!.requests, 6);
  for (const { pid, memory, uptime } of status.workers) {
    assert.ok(isRunning(pid!) && memory! > 10_000_000 && memory! < 1e9 && uptime > 0, `${pid}, ${memory}, ${uptime}`);
  }
  const human = await verb(evener, ['status']);
  assert.match(human.stdout, /^web {2}running, up \d+ s, pid \d+\n/);
  assert.match(human.stdout, /^ID +PID +STATE +IN FLIGHT +REQUESTS +MEMORY/m);
  assert.match(human.stdout, /^1 +\d+ +ready +0 +\d+ +\d+ MB/m);
  assert.ok(!human.stdout.includes('\x1b'), 'no colour where there is no terminal');
});

test('status tells what is in flight, and which worker is stalled, though it says nothing', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--hang-limit', 'off']);
  const url = await evener.url(2);
  const lost = request(`${url}/loop`, 'POST').catch(() => {});
  // On a busy machine the other one may be silent for a moment as well.
  const serves = ({ workers }: Status): string => workers.map(({ state, inFlight }) => `${state} ${inFlight}`).join();
  const isStalled = (status: Status): boolean => /^(stalled 1,ready 0|ready 0,stalled 1)$/.test(serves(status));
  await until('a stalled worker', async () => isStalled(await now(evener)));
  const status = await until('the same by the command', async () => {
    const shown = await statusOf(evener);
    return isStalled(shown) ? shown : null;
  });
  assert.deepEqual(status.apps[0]!.workers, { wanted: 2, ready: 1 }, 'it serves nobody');
  const stalled = status.workers.find(({ state }) => state === 'stalled')!;
  assert.equal(stalled.eventLoop.utilization, 1);
  assert.ok(stalled.eventLoop.delayMs > 400, `${stalled.eventLoop.delayMs} ms`);
  const why = await verb(evener, ['why', stalled.id]);
  assert.equal(why.code, 0, why.stderr);
  assert.match(why.stdout, /is blocked: .+server\.cjs:\d+/);
  process.kill(stalled.pid!, 'SIGKILL');
  await lost;
});

test('events and logs tell what was, and follow what comes', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  await request(`${url}/log`);
  const log = await until('the lines', async () => {
    const { stdout } = await verb(evener, ['logs']);
    return stdout.includes('to stderr') ? stdout : null;
  });
  assert.match(log, /^\d\d:\d\d:\d\d \d \| booted\n/m);
  assert.match(log, /^\d\d:\d\d:\d\d \d ! to stderr\n/m);
  const json = (await verb(evener, ['logs', '0', '--json', '-n', '1'])).stdout;
  assert.equal(json.trimEnd().split('\n').length, 1);
  assert.equal((JSON.parse(json) as { slot: number }).slot, 0);

  const events = (await verb(evener, ['events'])).stdout;
  assert.match(events, /^\d\d:\d\d:\d\d worker 0 ready \(pid \d+, /m);
  const first = JSON.parse((await verb(evener, ['events', '--json'])).stdout.split('\n')[0]!) as { event: object };
  assert.ok('type' in first.event);

  const following = ['events', 'logs'].map((name) => follow(context, evener, [name, '-f']));
  await until('both to follow', () => following.every((one) => one.text() !== ''));
  await verb(evener, ['restart', '1']);
  await until(
    () => following.map((one) => one.text()).join('\n'),
    () =>
      /worker 1 .+ is replaced, as asked/.test(following[0]!.text()) &&
      following[1]!.text().split('1 | booted').length === 3,
  );
  evener.kill('SIGTERM');
  for (const one of following) assert.equal(await one.ended, 0);
});

test('logs -f begins with as many lines as logs prints', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const app = `
    for (let i = 0; i < 5_000; i++) console.log('a line of an ordinary length, number ' + i);
    require('node:http').createServer().listen(0);
  `;
  writeFileSync(join(folder, 'app.cjs'), app);
  const evener = new EvenerProcess(context, ['app.cjs', '-w', '2'], { cwd: folder });
  await evener.url(2);
  const control = await controlOf(evener);
  const lines = await until('all of them', async () => {
    const answer = await control.get<{ lines: unknown[] }>('/logs?follow=false&lines=10000');
    return answer.lines.length === 10_000 ? answer.lines : null;
  });
  const followed: unknown[] = [];
  const enough = new AbortController();
  const onLine = (line: unknown): void => {
    if (followed.push(line) === lines.length) enough.abort();
  };
  await control.follow('/logs?lines=10000', onLine, enough.signal);
  assert.deepEqual(followed, lines);
});

test('reload replaces the workers, and says why it could not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-verbs-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const broken = join(folder, 'broken');
  const evener = new EvenerProcess(context, ['mendable.cjs', '-w', '2'], { env: { BROKEN: broken } });
  const url = await evener.url(2);
  const before = (await now(evener)).workers.map(({ pid }) => pid);
  const done = await verb(evener, ['reload', '--json']);
  assert.equal(done.code, 0, done.stderr);
  assert.ok((JSON.parse(done.stdout) as { tookMs: number }).tookMs > 0);
  const after = (await now(evener)).workers;
  assert.ok(
    after.every(({ pid, restarts, generation }) => !before.includes(pid) && restarts === 1 && generation === 1),
  );

  writeFileSync(broken, '');
  const failed = await verb(evener, ['reload']);
  assert.equal(failed.code, 1);
  assert.equal(failed.stdout, '');
  assert.match(failed.stderr, /^evener: .+\nThe last lines of the new worker:\n/);
  assert.match(failed.stderr, /^ {2}Error: broken, pid \d+$/m);
  assert.equal((await request(url)).status, 200);
  assert.deepEqual(
    (await now(evener)).workers.map(({ pid }) => pid),
    after.map(({ pid }) => pid),
  );
});

test('scale takes a number, one more and one less', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  await evener.url(2);
  const wanted = async (word: string): Promise<string> => {
    const { code, stdout, stderr } = await verb(evener, ['scale', word]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(await wanted('+1'), /: 3 workers\n$/);
  assert.match(await wanted('-2'), /: 1 worker\n$/);
  assert.match(await wanted('2'), /: 2 workers\n$/);
  await until('two ready workers', async () => {
    const { workers } = await now(evener);
    return workers.length === 2 && workers.every(({ state }) => state === 'ready');
  });
  const json = await verb(evener, ['scale', '3', '--json']);
  assert.equal((JSON.parse(json.stdout) as Status).apps[0]!.workers.wanted, 3);
  for (const [word, problem] of [
    ['0', 'workers: expected a whole number, 1-512, got 0'],
    ['600', 'workers: expected a whole number, 1-512, got 600'],
    ['9999', 'workers: expected a whole number, 1-512, got 9999'],
    ['+600', 'by: expected a whole number, -512 to 512, got 600'],
  ] as const) {
    const { code, stderr } = await verb(evener, ['scale', word]);
    assert.deepEqual([code, stderr], [2, `evener: ${problem}\n`]);
  }
  const client = await controlOf(evener);
  await assert.rejects(client.post('/scale', { wrokers: 4 }), /the body: no key is called "wrokers"/);
});

/** Requests that are held, until each of two workers has some: one that is silent for a moment is given none. */
async function bothHeld(evener: EvenerProcess, url: string): Promise<Promise<Answer>[]> {
  const held: Promise<Answer>[] = [];
  await until('both to be busy', async () => {
    held.push(request(`${url}/hold`));
    const sum = await until('it to be in flight', async () => {
      const { workers } = await now(evener);
      const total = workers.reduce((all, { inFlight }) => all + inFlight, 0);
      return total === held.length ? workers : null;
    });
    return sum.every(({ inFlight }) => inFlight > 0);
  });
  return held;
}

test('drain empties the place of a worker, and restart fills it', async (context) => {
  const release = releaseFile(context);
  const evener = new EvenerProcess(context, ['held.cjs', '-w', '2', '--', release]);
  const url = await evener.url(2);
  const held = await bothHeld(evener, url);
  const drained = await verb(evener, ['drain', '1']);
  assert.deepEqual([drained.code, drained.stderr], [0, '']);
  writeFileSync(release, '');
  for (const answer of held) assert.equal((await answer).body, 'held');
  await until('an empty place', async () => (await now(evener)).workers[1]!.state === 'drained');
  const last = await verb(evener, ['drain', '0']);
  assert.equal(last.code, 1);
  assert.match(last.stderr, /it is the only worker that serves: start another first/);
  assert.equal((await request(url)).status, 200);
  const { code, stdout } = await verb(evener, ['restart', '1', '0']);
  assert.equal(code, 0);
  assert.match(stdout, /worker 1 restarted, now pid \d+\nworker 0 restarted, now pid \d+\n/);
  await until('two ready workers', async () => {
    return (await now(evener)).workers.filter(({ state }) => state === 'ready').length === 2;
  });
  const nobody = await verb(evener, ['restart', '7']);
  assert.deepEqual([nobody.code, nobody.stderr], [2, 'evener: no worker has the id "7": there are 0, 1\n']);
});

test('stop waits until the instance is gone', async (context) => {
  const release = releaseFile(context);
  const evener = new EvenerProcess(context, ['held.cjs', '-w', '1', '--', release]);
  const held = request(`${await evener.url()}/hold`);
  await until('it to be in flight', async () => (await now(evener)).workers[0]!.inFlight === 1);
  const stopping = verb(evener, ['stop']);
  await evener.said(/stopping: finishing what is in flight/);
  writeFileSync(release, '');
  const { code, stdout } = await stopping;
  assert.equal(code, 0);
  assert.match(stdout, /\(pid \d+\) has stopped\n$/);
  assert.equal((await held).body, 'held');
  assertEnding(await evener.ended, 0);
  const nothing = await verb(evener, ['status']);
  assert.deepEqual([nothing.code, nothing.stderr], [1, 'evener: nothing runs: start it with evener <script>\n']);
});

test('stop does not wait for one that was killed, its guard too', async (context) => {
  const evener = new EvenerProcess(context, ['held.cjs', '-w', '1', '--name', 'held', '--', releaseFile(context)]);
  const held = request(`${await evener.url()}/hold`).catch(() => null);
  await until('it to be in flight', async () => (await now(evener)).workers[0]!.inFlight === 1);
  const stopping = verb(evener, ['stop']);
  await evener.said(/stopping: finishing what is in flight/);
  // Whoever asked for it has the answer by now, and waits for the end.
  assert.equal((await now(evener)).state, 'stopping');
  const directories = evener.runtimeDirectories();
  evener.kill('SIGSTOP');
  execFileSync('pkill', ['-KILL', '-P', String(evener.pid)]);
  evener.kill('SIGKILL');
  const { code, stderr } = await stopping;
  const said = `evener: held (pid ${evener.pid}) was killed before it had stopped\n`;
  assert.deepEqual([code, stderr], [1, said]);
  await held;
  for (const directory of directories) rmSync(directory, { recursive: true });
});

test('an instance is found in the environment that it was started in, though nothing can be made in TMPDIR', async (context) => {
  const base = mkdtempSync(join(tmpdir(), 'evt-'));
  context.after(() => rmSync(base, { recursive: true }));
  const name = `homeless-${process.pid}`;
  // That there is no room cannot be seen before it is tried; this can no more.
  const unfit = join(base, 'no-folder');
  writeFileSync(unfit, '', { mode: 0o700 });
  for (const temporary of [join(base, 'missing'), unfit]) {
    const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--name', name], {
      env: { TMPDIR: temporary },
    });
    await evener.url();
    const { code, stdout, stderr } = await verb({ temporary }, ['status', '--name', name]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.startsWith(`${name}  running`), stdout);
    // It is not one of those that another folder is named for.
    assert.equal((await verb({ temporary: base }, ['status', '--name', name])).code, 1);
    evener.kill('SIGTERM');
    await evener.ended;
  }
});

test('stop --now does not wait for what is in flight', async (context) => {
  const evener = new EvenerProcess(context, ['deaf.cjs', '-w', '1']);
  await evener.url();
  assert.equal((await verb(evener, ['stop', '--now'])).code, 0);
  await evener.ended;
});

test('finds the instance that is meant, or says which there are', async (context) => {
  const one = new EvenerProcess(context, ['server.cjs', '-w', '1', '--name', 'one']);
  const shared = { env: { TMPDIR: one.temporary } };
  const other = new EvenerProcess(context, ['server.cjs', '-w', '1', '--name', 'other'], shared);
  const twin = new EvenerProcess(context, ['two-ports.cjs', '-w', '1', '--name', 'other'], shared);
  await Promise.all([one.url(), other.url(), twin.url()]);
  const named = await verb(one, ['status', '--name', 'one', '--json']);
  assert.equal((JSON.parse(named.stdout) as Status).pid, one.pid);
  const unclear = await verb(one, ['status'], tmpdir());
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /several instances run: say which by --name: .*one \(pid \d+, in .+\), .*other/);
  const twins = await verb(one, ['stop', '--name', 'other']);
  assert.equal(twins.code, 2);
  assert.match(twins.stderr, /several instances run: say which by --pid: other \(pid \d+/);
  const byPid = await verb(one, ['status', '--pid', String(twin.pid), '--json']);
  assert.equal((JSON.parse(byPid.stdout) as Status).pid, twin.pid);
  const missing = await verb(one, ['status', '--name', 'none']);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /nothing runs by --name none; there is one \(pid/);
  for (const evener of [other, twin]) {
    evener.kill('SIGTERM');
    await evener.ended;
  }
  // The only one is meant, wherever one is.
  assert.equal((await verb(one, ['status'], tmpdir())).code, 0);
});

test('with several apps workers are named by theirs', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-verbs-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const app = join(APPS, 'server.cjs');
  const config = { name: 'pair', apps: { api: { app, workers: 1 }, web: { app, workers: 2 } } };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(context, [], { cwd: folder });
  await evener.saidTimes(/worker \d+ ready|worker \S+ ready/, 3);
  const { workers } = JSON.parse((await verb(evener, ['status', '--json'], folder)).stdout) as Status;
  assert.deepEqual(
    workers.map(({ id }) => id),
    ['api:0', 'web:0', 'web:1'],
  );
  assert.equal((await verb(evener, ['restart', 'web:1'], folder)).code, 0);
  assert.match(evener.stderr, /worker web:1 ready/);
  assert.match((await verb(evener, ['events'], folder)).stdout, /worker web:1 ready/);
  const log = (await verb(evener, ['logs'], folder)).stdout;
  for (const id of ['api:0', 'web:0', 'web:1']) assert.match(log, new RegExp(`^\\S+ ${id} \\| booted$`, 'm'));
  const unclear = await verb(evener, ['scale', '2'], folder);
  assert.equal(unclear.code, 2);
  assert.match(unclear.stderr, /several apps run: name one of api, web/);
  assert.equal((await verb(evener, ['scale', '2', '--app', 'api'], folder)).code, 0);
});

test('readers of /events that come back get what they have missed', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1']);
  await evener.url();
  const client = await controlOf(evener);
  const { events } = await client.get<{ events: { id: number; event: { type: string } }[] }>('/events?follow=false');
  assert.ok(events.length >= 2);
  const seen: number[] = [];
  const stop = new AbortController();
  const following = client.follow('/events', (event) => seen.push((event as { id: number }).id), stop.signal);
  await until('all of them', () => seen.length >= events.length);
  stop.abort();
  await following;
  assert.deepEqual(
    seen.slice(0, events.length),
    events.map(({ id }) => id),
  );
});

/** The path of a file that is not there yet. */
function releaseFile(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evener-verbs-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'release');
}

/** A verb that goes on; ended with the test. */
function follow(
  context: TestContext,
  evener: EvenerProcess,
  args: readonly string[],
): { text(): string; readonly ended: Promise<number | null> } {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: APPS,
    env: { ...process.env, TMPDIR: evener.temporary, XDG_RUNTIME_DIR: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill());
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return { text: () => text, ended: new Promise((resolve) => child.once('close', (code) => resolve(code))) };
}
