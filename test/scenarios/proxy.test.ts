import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { APPS, assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { Load } from '../support/load.ts';
import { RawServer } from '../support/raw-server.ts';
import { release, ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

async function proxy(t: TestContext, servers: readonly ServerProcess[], ...args: string[]) {
  const evener = new EvenerProcess(t, ['proxy', ...servers.map(({ url }) => url), '-p', '0', ...args]);
  return { evener, url: await evener.url(0) };
}

function servers(t: TestContext, count: number): Promise<ServerProcess[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => ServerProcess.start(t, `s${i}`)));
}

/** A config file in a folder of its own, and the command run there. */
function configured(t: TestContext, pool: object): { evener: EvenerProcess; write: (pool: object) => void } {
  const folder = mkdtempSync(join(tmpdir(), 'evp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const write = (config: object): void => {
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ pools: { api: config } }));
  };
  write(pool);
  return { evener: new EvenerProcess(t, [], { cwd: folder }), write };
}

/** Who answers so many requests, all of which are in flight before the first is answered. */
async function answeringAtOnce(
  evener: EvenerProcess,
  url: string,
  servers: readonly ServerProcess[],
  requests: number,
): Promise<Record<string, number>> {
  const answers = Promise.all(Array.from({ length: requests }, () => request(`${url}/held`)));
  await inFlight(evener, requests);
  return countsOf(await release(servers, answers));
}

async function inFlight(evener: EvenerProcess, requests: number): Promise<void> {
  const control = await controlOf(evener);
  await until(`${requests} in flight`, async () => {
    return (await control.get<Status>('/status')).apps[0]!.inFlight === requests;
  });
}

/** Waits until it holds a request, and has it answer. */
async function released(server: ServerProcess): Promise<void> {
  await until('a request to release', async () => (await request(`${server.url}/release`)).body !== '0');
}

function countsOf(answers: readonly { readonly body: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { body } of answers) counts[body] = (counts[body] ?? 0) + 1;
  return counts;
}

/** Who answers, over so many requests. */
async function answering(url: string, requests: number): Promise<Record<string, number>> {
  return countsOf(await Promise.all(Array.from({ length: requests }, () => request(`${url}/slow?ms=100`))));
}

test('shares requests among servers, tells them of the client, and ends cleanly', async (t) => {
  const two = await servers(t, 2);
  const { evener, url } = await proxy(t, two);
  assert.deepEqual(await answeringAtOnce(evener, url, two, 8), { s0: 4, s1: 4 });
  const { headers } = JSON.parse((await request(`${url}/head?a=b`)).body) as { headers: Record<string, string> };
  assert.equal(headers['x-forwarded-proto'], 'http');
  assert.match(headers['x-forwarded-for']!, /^(127\.0\.0\.1|::1)$/);
  assert.equal(headers.host, new URL(url).host);
  const last = request(`${url}/held`);
  await inFlight(evener, 1);
  evener.kill('SIGTERM');
  await evener.said(/stopping/);
  assert.equal((await release(two, last)).status, 200);
  assertEnding(await evener.ended, 0);
  assert.match(evener.stderr, /starting 2 servers: http/);
});

for (const method of ['GET', 'POST']) {
  test(`a server that is killed under load of ${method}s is left out, and back when it is`, async (t) => {
    const four = await servers(t, 4);
    const { evener, url } = await proxy(t, four);
    const body = method === 'POST' ? { body: 'x' } : {};
    const load = new Load(() => url, { method, rate: 100, connections: 16, ...body });
    await load.during(async () => {
      await until('some requests', () => load.attempts.length > 50);
      await four[0]!.kill();
      await evener.said(/server http:\S+ gets no requests: .*ECONNREFUSED/);
      await four[0]!.start();
      await evener.said(/server http:\S+ is back/);
    });
    const { 200: good = 0, 502: lost = 0, ...others } = load.outcomes;
    assert.deepEqual(others, {});
    assert.equal(good + lost, load.attempts.length);
    // POSTs that were under way to it, which it may have begun, are not sent again.
    assert.ok(lost <= (method === 'GET' ? 0 : 16), `${lost} failed`);
    await until('it to answer again', async () => ((await answering(url, 8)).s0 ?? 0) > 0);
  });
}

test('requests wait for the only server while it restarts', async (t) => {
  const [server] = await servers(t, 1);
  const { evener, url } = await proxy(t, [server!]);
  await server!.kill();
  const waiting = Promise.all(Array.from({ length: 5 }, () => request(url, 'POST')));
  await evener.said(/gets no requests/);
  await server!.start();
  assert.deepEqual(
    (await waiting).map(({ status }) => status),
    [200, 200, 200, 200, 200],
  );
});

test('a server that is stopped is found by its checks, and gets requests again when it goes on', async (t) => {
  const three = await servers(t, 3);
  const { evener } = configured(t, {
    listen: '127.0.0.1:0',
    servers: three.map(({ url }) => url),
    health: { path: '/healthz', body: 'fine', interval: '200ms', timeout: '500ms', fall: 2, rise: 2 },
    responseTimeout: '5s',
  });
  const url = await evener.url(0);
  three[1]!.signal('SIGSTOP');
  await evener.said(new RegExp(`server ${three[1]!.url} gets no requests: no answer within 500 ms`));
  const others = [three[0]!, three[2]!];
  assert.deepEqual(await answeringAtOnce(evener, url, others, 6), { s0: 3, s2: 3 });
  three[1]!.signal('SIGCONT');
  await evener.said(new RegExp(`server ${three[1]!.url} is back`));
  await until('it to answer', async () => ((await answering(url, 6)).s1 ?? 0) > 0);
});

test('a server that says it is not well gets no requests; one that is only busy does', async (t) => {
  const two = await servers(t, 2);
  const { evener } = configured(t, {
    listen: '127.0.0.1:0',
    servers: two.map(({ url }) => url),
    health: { path: '/healthz', status: 200, interval: '200ms', timeout: '2s', fall: 2 },
  });
  const url = await evener.url(0);
  await request(`${two[0]!.url}/become?status=503`);
  await evener.said(new RegExp(`server ${two[0]!.url} gets no requests: status 503`));
  assert.deepEqual(await answering(url, 4), { s1: 4 });
  // More at once than it can do, but it answers its checks in between.
  assert.deepEqual(await answering(url, 50), { s1: 50 });
  assert.equal(evener.count(/gets no requests/), 1);
  await request(`${two[0]!.url}/become?status=200`);
  await evener.said(/is back/);
});

test('a reload adds and takes out servers, and those that stay keep their connections', async (t) => {
  const kept = await RawServer.listen(t);
  const [gone, added] = await servers(t, 2);
  // A question whether it is alive would come by a connection of its own.
  const pool = { listen: '127.0.0.1:0', stallCheck: false };
  const { evener, write } = configured(t, { ...pool, servers: [kept.url, gone!.url] });
  const url = await evener.url(0);
  // Two at a time, and neither answered before both are under way, so that each server gets one.
  const both = [request(`${url}/held`), request(`${url}/held`)];
  await inFlight(evener, 2);
  const peer = await kept.next();
  await peer.head();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nKeep-Alive: timeout=60\r\n\r\nkept');
  await released(gone!);
  assert.deepEqual((await Promise.all(both)).map(({ body }) => body).sort(), ['kept', 's0']);
  write({ ...pool, servers: [kept.url, added!.url] });
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  const next = [request(`${url}/held`), request(`${url}/held`)];
  await inFlight(evener, 2);
  await peer.head();
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept');
  await released(added!);
  assert.deepEqual((await Promise.all(next)).map(({ body }) => body).sort(), ['kept', 's1']);
  assert.equal(kept.accepted.length, 1);
});

test('what is about workers is refused where there are only servers, and scaling names apps alone', async (t) => {
  const [server] = await servers(t, 1);
  const { evener } = await proxy(t, [server!]);
  const none = 'only servers are balanced here, and no app runs that has workers';
  for (const [words, problem] of [
    [['scale', '3'], none],
    [['scale', '+1'], none],
    [['restart', '0'], 'no worker has the id "0": there is none'],
    [['why', '0'], 'no worker has the id "0": there is none'],
  ] as const) {
    const { code, stderr } = await verb(evener, words);
    assert.deepEqual([code, stderr], [2, `evener: ${problem}\n`]);
  }

  const folder = mkdtempSync(join(tmpdir(), 'evp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const pools = { far: { servers: [server!.url], listen: 0 } };
  const apps = { near: { app: join(APPS, 'server.cjs'), workers: 1 } };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ apps, pools }));
  const both = new EvenerProcess(t, [], { cwd: folder, env: { PORT: '0' } });
  await both.said(/worker 0 ready/);
  const { stdout } = await verb(both, ['scale', '2'], folder);
  assert.equal(stdout, 'near: 2 workers\n');
});

test('backups get requests only while nobody else is there, and weights count', async (t) => {
  const three = await servers(t, 3);
  const [heavy, light, backup] = three;
  const { evener } = configured(t, {
    listen: '127.0.0.1:0',
    policy: 'round-robin',
    servers: [{ url: heavy!.url, weight: 3 }, light!.url, { url: backup!.url, backup: true }],
  });
  const url = await evener.url(0);
  assert.deepEqual(await answering(url, 8), { s0: 6, s1: 2 });
  await heavy!.kill();
  await light!.kill();
  assert.deepEqual(await answering(url, 4), { s2: 4 });
});

test('says what is wrong with its address, and exits', async (t) => {
  const taken = await RawServer.listen(t);
  const evener = new EvenerProcess(t, ['proxy', 'http://127.0.0.1:1', '-p', String(taken.port), '--threads', '1']);
  // Evener listens on every address, and this one is taken on one of them: Linux refuses that.
  assertEnding(await evener.ended, 1);
  assert.match(
    evener.stderr,
    /cannot listen for servers: listen EADDRINUSE.*; choose another port, or stop what listens there$/m,
  );
});

for (const [what, args, message] of [
  ['no server', ['proxy', '-p', '0'], /no server: evener proxy <url\.\.\.>/],
  ['no port', ['proxy', 'http://127.0.0.1:1'], /listen: expected where to listen: .*, by --port, listen or PORT, got/],
  [
    'a path in an address',
    ['proxy', 'http://127.0.0.1:1/x', '-p', '0'],
    /servers\[0\]\.url: expected http:\/\/host:port/,
  ],
  ['an option about apps', ['proxy', 'http://127.0.0.1:1', '-p', '0', '-w', '2'], /--workers is about an app/],
  ['something to run', ['proxy', 'http://127.0.0.1:1', '-p', '0', '--', 'x'], /evener proxy runs nothing/],
] as const) {
  test(`refuses ${what}`, async (t) => {
    const evener = new EvenerProcess(t, args);
    assertEnding(await evener.ended, 2);
    assert.match(evener.stderr, message);
  });
}

test('several threads share the servers', async (t) => {
  const two = await servers(t, 2);
  const { evener, url } = await proxy(t, two, '--threads', '2');
  const answers = await answering(url, 12);
  assert.equal((answers.s0 ?? 0) + (answers.s1 ?? 0), 12);
  await two[0]!.kill();
  const load = new Load(() => url, { method: 'GET', rate: 50, durationMs: 1_000, connections: 8 });
  await load.run();
  assert.deepEqual(load.outcomes, { 200: 50 });
  await evener.said(/gets no requests/);
  assert.equal(evener.count(/gets no requests/), 1);
});
