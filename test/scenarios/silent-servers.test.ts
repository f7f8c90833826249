import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verb } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { Load } from '../support/load.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const STALLED = /server http:\S+ gets no requests: it has answered nothing for (\d+) ms/;

async function proxied(t: TestContext, servers: readonly ServerProcess[], pool: object) {
  const folder = mkdtempSync(join(tmpdir(), 'evs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const api = { servers: servers.map(({ url }) => url), listen: '127.0.0.1:0', ...pool };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ pools: { api } }));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  return { evener, url: await evener.url(0) };
}

function servers(t: TestContext, count: number): Promise<ServerProcess[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => ServerProcess.start(t, `s${i}`)));
}

for (const [name, pool] of [
  ['by OPTIONS *', {}],
  ['by its health path', { health: { path: '/healthz', interval: '1m', timeout: '1m' } }],
] as const) {
  test(`a server that is stopped under load is found ${name}, and no GET is lost`, async (t) => {
    const four = await servers(t, 4);
    const { evener, url } = await proxied(t, four, { ...pool, responseTimeout: '20s' });
    const load = new Load(() => `${url}/slow?ms=5`, { method: 'GET', rate: 150, durationMs: 4_000, connections: 64 });
    const running = load.run();
    await until('some requests', () => load.attempts.length > 50);
    four[0]!.signal('SIGSTOP');
    const [, silentMs] = await evener.said(STALLED);
    const { stdout } = await verb(evener, ['status']);
    assert.match(stdout, /stalled/);
    await running;
    // It was asked a question, which it answers first of all.
    four[0]!.signal('SIGCONT');
    await evener.said(/server http:\S+ is back/);
    await until('it to answer', async () => (await request(url)).body === 's0');
    assert.deepEqual(load.outcomes, { 200: 600 });
    // What it had in hand ran elsewhere after a second, and did not wait for a time-out.
    assert.ok(load.slowestMs < 10_000, `${load.slowestMs} ms`);
    t.diagnostic(`out after ${silentMs} ms of silence, slowest ${load.slowestMs.toFixed(0)} ms`);
  });
}

test('servers that are merely slow stay in, though all their answers take 3 s beside others of 5 ms', async (t) => {
  const three = await servers(t, 3);
  const [slow] = three;
  const { evener, url } = await proxied(t, three, { policy: 'round-robin' });
  // Everything that it is asked, our question included.
  await request(`${slow!.url}/become?delay=3000`);
  const answers: string[] = [];
  for (let round = 0; round < 2; round++) {
    const some = await Promise.all(Array.from({ length: 9 }, () => request(url)));
    answers.push(...some.map(({ status, body }) => `${status} ${body}`));
  }
  assert.equal(answers.filter((one) => one === '200 s0').length, 6);
  assert.equal(answers.length, 18);
  assert.equal(evener.count(/gets no requests/), 0, evener.stderr);
});

test('one that holds a request open and answers questions stays in, and its request with it', async (t) => {
  const two = await servers(t, 2);
  const { evener, url } = await proxied(t, two, { policy: 'round-robin' });
  await Promise.all(Array.from({ length: 40 }, () => request(url)));
  assert.equal((await request(`${url}/slow?ms=3000`)).status, 200);
  const counts = async (path: string): Promise<number[]> => {
    const answers = await Promise.all(two.map((server) => request(`${server.url}/served?path=${path}`)));
    return answers.map(({ body }) => Number(body));
  };
  assert.deepEqual((await counts('/slow')).sort(), [0, 1]);
  assert.equal(evener.count(/gets no requests/), 0, evener.stderr);
  // Asked it was: otherwise nothing was shown.
  assert.ok((await counts('*')).some((asked) => asked > 0));
});

test('nobody is asked where the config says so', async (t) => {
  const two = await servers(t, 2);
  const { url } = await proxied(t, two, { policy: 'round-robin', stallCheck: false });
  await Promise.all(Array.from({ length: 40 }, () => request(url)));
  await request(`${url}/slow?ms=2000`);
  for (const server of two) assert.equal((await request(`${server.url}/served?path=*`)).body, '0');
});
