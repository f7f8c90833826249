import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { resolveOptions } from '../../src/config/resolve.ts';
import { EvenerError } from '../../src/core/evener-error.ts';
import { CAN_REUSE_PORT } from '../../src/core/reuse-port.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { APPS, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

interface Rig {
  readonly supervisor: Supervisor;
  readonly events: SupervisorEvent[];
  event<T extends SupervisorEvent['type']>(type: T): Promise<Extract<SupervisorEvent, { type: T }>>;
}

function rig(context: TestContext, balancerScript: URL, threads: number, port: number | null = null): Rig {
  const options = resolveOptions({
    app: 'server.cjs',
    cwd: APPS,
    workers: 2,
    threads,
    ...(port === null ? {} : { port }),
    env: { ...process.env, PORT: '0' },
  });
  const supervisor = new Supervisor(options, surroundingsOf(options, balancerScript));
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  context.after(() => supervisor.kill());
  return {
    supervisor,
    events,
    event: (type) =>
      until(
        () => `${type} in ${JSON.stringify(events, null, 1)}`,
        () => events.find((event) => event.type === type) as never,
      ),
  };
}

async function begunAnswer(url: string): Promise<IncomingMessage> {
  const [response] = (await once(http.get(url, { agent: false }), 'response')) as [IncomingMessage];
  return response;
}

test('a balancer thread that dies is replaced, and the same workers serve on', async (context) => {
  const mortal = join(tmpdir(), `evener-test-mortal-${process.pid}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const { supervisor, events, event } = rig(context, MORTAL, 1);
  await supervisor.start();
  const { address } = await event('listening');
  const url = `http://localhost:${address.port}/facts`;
  const { pid } = JSON.parse((await request(url)).body) as { pid: number };
  await until('both workers', () => events.filter((one) => one.type === 'worker-ready').length === 2);
  writeFileSync(mortal, '');
  const died = await event('balancer-died');
  assert.match(died.cause, /a balancer thread dies/);
  assert.equal(died.restartInMs, 0);
  // The app asked for any free port, so the next thread may have another.
  const answer = await until('an answer', async () => {
    const last = events.findLast((one) => one.type === 'listening');
    return request(`http://localhost:${last!.address.port}/facts`).catch(() => null);
  });
  assert.equal(answer.status, 200);
  assert.ok(
    events.every((one) => one.type !== 'worker-died'),
    JSON.stringify(events),
  );
  assert.ok(pid > 0);
  await supervisor.close();
  assert.equal(await supervisor.closed, null);
});

/** Two workers that are ready, and how to end the balancer thread. `pid`: of the worker that was ready first. */
async function mortalRig(context: TestContext) {
  const mortal = join(tmpdir(), `evener-test-mortal-${randomUUID()}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const made = rig(context, MORTAL, 1, await freePort());
  await made.supervisor.start();
  await until('both workers', () => made.events.filter((one) => one.type === 'worker-ready').length === 2);
  const { pid } = await made.event('worker-ready');
  return { ...made, pid, killThread: () => writeFileSync(mortal, '') };
}

test('a worker that hangs while the balancer thread starts again is replaced', async (context) => {
  const { supervisor, events, event, pid, killThread } = await mortalRig(context);
  // Before the thread that comes next has ever heard of it.
  supervisor.subscribe((one) => {
    if (one.type === 'balancer-died') process.kill(pid, 'SIGSTOP');
  });
  killThread();
  const died = await event('worker-died');
  assert.deepEqual([died.pid, died.report.kind], [pid, 'hung']);
  await until('another in its place', () => events.filter((one) => one.type === 'worker-ready').length === 3);
  await supervisor.close();
});

test('a worker whose silence was told by a thread that has died since answers the next one, which is told', async (context) => {
  const { supervisor, event, pid, killThread } = await mortalRig(context);
  process.kill(pid, 'SIGSTOP');
  assert.equal((await event('worker-stalled')).pid, pid);
  killThread();
  await event('balancer-died');
  process.kill(pid, 'SIGCONT');
  const { pid: answers, silentMs } = await event('worker-recovered');
  assert.ok(answers === pid && silentMs > 0);
  assert.ok(!supervisor.incidents.open().some(({ kind }) => kind === 'worker-stalled'));
  await supervisor.close();
});

test('what a worker has in hand that one thread has yet to meet is finished at a stop', async (context) => {
  const late = join(tmpdir(), `evener-test-late-${process.pid}`);
  process.env.LATE = late;
  context.after(() => rmSync(late, { force: true }));
  const script = new URL('../../../test/fixtures/fakes/late-balancer.mjs', import.meta.url);
  const port = await freePort();
  const options = resolveOptions({ app: 'counting.cjs', cwd: APPS, workers: 1, threads: 2, port });
  const supervisor = new Supervisor(options, surroundingsOf(options, script));
  context.after(() => supervisor.kill());
  const started = supervisor.start().catch(() => {});
  const url = `http://127.0.0.1:${port}/slow-end`;
  const response = await until('an answer to begin', () => begunAnswer(url).catch(() => null));
  assert.equal(supervisor.isRunning, false);
  const closed = supervisor.close();
  assert.equal(await text(response), 'begun, over');
  writeFileSync(late, '');
  await Promise.all([closed, started]);
});

test('gives up where its own files are gone and the balancer thread dies', async (context) => {
  const mortal = join(tmpdir(), `evener-test-mortal-${process.pid}`);
  process.env.MORTAL = mortal;
  const script = join(tmpdir(), `evener-test-balancer-${process.pid}.mjs`);
  writeFileSync(script, `import ${JSON.stringify(MORTAL.href)};`);
  context.after(() => rmSync(mortal, { force: true }));
  context.after(() => rmSync(script, { force: true }));
  const { supervisor, event } = rig(context, pathToFileURL(script), 1);
  await supervisor.start();
  await event('worker-ready');
  rmSync(script);
  writeFileSync(mortal, '');
  let error: EvenerError | null = null;
  void supervisor.closed.then((reason) => {
    error = reason;
  });
  error = await until('it to give up', () => error);
  assert.equal(error.code, 'EVENER_THREAD_LOST');
  assert.match(error.message, /files of Evener that another would need are gone/);
});

test('options that a reload brings, and of which the balancer thread dies, are taken back', async (context) => {
  const fussy = new URL('../../../test/fixtures/fakes/fussy-balancer.mjs', import.meta.url);
  const facts = { app: 'server.cjs', cwd: APPS, workers: 1, port: await freePort() };
  const options = resolveOptions(facts);
  const reread = async () => resolveOptions({ ...facts, maxConnectionsPerAddress: 13 });
  const supervisor = new Supervisor(options, { ...surroundingsOf(options, fussy), reread });
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  context.after(() => supervisor.kill());
  await supervisor.start();
  // It may be over before the thread has died of it.
  await supervisor.reload().catch(() => {});
  const { cause } = await until('that to be told', () => events.find((event) => event.type === 'options-taken-back'));
  assert.match(cause, /thirteen is too much/);
  const { status } = await until('an answer', () => request(`http://127.0.0.1:${facts.port}/`).catch(() => null));
  assert.equal(status, 200);
  assert.equal(events.filter(({ type }) => type === 'balancer-died').length, 2);
  await supervisor.close();
});

test('a reload whose options are taken back while it waits for a pool of them fails, and keeps no other waiting', async (context) => {
  const fussy = new URL('../../../test/fixtures/fakes/fussy-balancer.mjs', import.meta.url);
  const apps = { app: { app: 'server.cjs', workers: 1, port: await freePort() } };
  const options = resolveOptions({ cwd: APPS, apps });
  const pools = { pool: { servers: ['http://127.0.0.1:9'], listen: await freePort() } };
  let next = resolveOptions({ cwd: APPS, apps, pools, maxConnectionsPerAddress: 13 });
  const supervisor = new Supervisor(options, { ...surroundingsOf(options, fussy), reread: async () => next });
  context.after(() => supervisor.kill());
  await supervisor.start();
  await assert.rejects(supervisor.reload(), /balancer threads die of the options that it has brought/);
  next = resolveOptions({ cwd: APPS, apps, pools });
  await supervisor.reload();
  await supervisor.close();
});

test('an app that came with options that were taken back serves when a reload has mended them', async (context) => {
  const mortal = join(tmpdir(), `evener-taken-back-${process.pid}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const app = async () => ({ app: 'server.cjs', workers: 1, port: await freePort(), env: { PORT: '1' } });
  const [stays, comes] = [await app(), await app()];
  const options = resolveOptions({ cwd: APPS, apps: { stays } });
  let next = resolveOptions({ cwd: APPS, apps: { stays, comes } });
  const supervisor = new Supervisor(options, { ...surroundingsOf(options, MORTAL), reread: async () => next });
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  context.after(() => supervisor.kill());
  await supervisor.start();
  await supervisor.reload();
  for (const death of [1, 2]) {
    writeFileSync(mortal, '');
    await until('a thread to die', () => events.filter(({ type }) => type === 'balancer-died').length === death);
  }
  await until('that to be told', () => events.some(({ type }) => type === 'options-taken-back'));
  next = resolveOptions({ cwd: APPS, apps: { stays, comes }, maxConnectionsPerAddress: 12 });
  await supervisor.reload();
  for (const { port } of [stays, comes]) assert.equal((await request(`http://127.0.0.1:${port}/`)).status, 200);
  await supervisor.close();
});

test('threads that die after a reload that failed, or changed nothing, do not die of its options', async (context) => {
  const mortal = join(tmpdir(), `evener-not-taken-back-${process.pid}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const port = await freePort();
  const apps = { app: { app: 'server.cjs', workers: 1, port, env: { PORT: '1' } } };
  const options = resolveOptions({ cwd: APPS, apps });
  const spoilt = { app: { ...apps.app, app: 'missing-module.cjs' } };
  let next = resolveOptions({ cwd: APPS, apps: spoilt, maxConnectionsPerAddress: 12 });
  const supervisor = new Supervisor(options, { ...surroundingsOf(options, MORTAL), reread: async () => next });
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  context.after(() => supervisor.kill());
  await supervisor.start();
  const reloadAndDie = async (reload: Promise<unknown>): Promise<void> => {
    const before = events.filter(({ type }) => type === 'balancer-died').length;
    await reload;
    for (const death of [1, 2]) {
      writeFileSync(mortal, '');
      await until(
        'a thread to die',
        () => events.filter(({ type }) => type === 'balancer-died').length === before + death,
      );
    }
    await until('an answer', () => request(`http://127.0.0.1:${port}/`).catch(() => null));
  };
  await reloadAndDie(assert.rejects(supervisor.reload(), { code: 'EVENER_RELOAD_FAILED' }));
  next = options;
  await reloadAndDie(supervisor.reload());
  assert.ok(!events.some(({ type }) => type === 'options-taken-back'));
  await supervisor.close();
});

for (const victim of [0, 1]) {
  test(`two threads share a port, and thread ${victim} may die`, async (context) => {
    const mortal = join(tmpdir(), `evener-test-mortal-${process.pid}-${victim}`);
    process.env.MORTAL = mortal;
    context.after(() => rmSync(mortal, { force: true }));
    const port = await freePort();
    const { supervisor, events, event } = rig(context, MORTAL, 2, port);
    await supervisor.start();
    await event('listening');
    await until('both workers', () => events.filter((one) => one.type === 'worker-ready').length === 2);
    const url = `http://127.0.0.1:${port}/facts`;
    // Each on a connection of its own, so that both threads get some.
    const ask = () => Promise.all(Array.from({ length: 20 }, () => request(url).then((answer) => answer.status)));
    assert.deepEqual(new Set(await ask()), new Set([200]));
    // Whole at once: a file that is empty yet is for either of them.
    writeFileSync(`${mortal}.new`, String(victim));
    renameSync(`${mortal}.new`, mortal);
    assert.equal((await event('balancer-died')).thread, victim);
    if (!CAN_REUSE_PORT) {
      assert.equal((await supervisor.closed)?.code, 'EVENER_THREAD_LOST');
      return;
    }
    await until('an answer to all of twenty', async () => {
      const statuses = await ask().catch(() => []);
      return statuses.length === 20 && statuses.every((status) => status === 200);
    });
    assert.deepEqual(new Set(await ask()), new Set([200]));
    assert.ok(
      events.every((one) => one.type !== 'worker-died'),
      JSON.stringify(events),
    );
    await supervisor.close();
    assert.equal(await supervisor.closed, null);
  });
}

test('a balancer thread that cannot start ends the start', async (context) => {
  const { supervisor } = rig(context, new URL('data:text/javascript,throw new Error("no thread today")'), 1);
  await assert.rejects(
    supervisor.start(),
    (error) =>
      error instanceof EvenerError && error.code === 'EVENER_START_FAILED' && /no thread today/.test(error.message),
  );
  assert.equal((await supervisor.closed)?.code, 'EVENER_START_FAILED');
});

test('refuses to reload and scale when it does not run', async (context) => {
  const { supervisor } = rig(context, MORTAL, 1);
  assert.throws(() => supervisor.scale(3), { code: 'EVENER_NOT_RUNNING' });
  await assert.rejects(supervisor.reload(), { code: 'EVENER_NOT_RUNNING' });
  await supervisor.close();
  assert.equal(await supervisor.closed, null);
  await assert.rejects(supervisor.start(), { code: 'EVENER_NOT_RUNNING' });
});
