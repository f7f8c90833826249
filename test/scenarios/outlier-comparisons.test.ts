import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminOf, ask, controlOf } from '../support/control.ts';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

/** Requests all the while, sixteen at a time, and who answered them. */
class Asking {
  /** In the order in which they came; null = it failed. */
  readonly answers: (string | null)[] = [];
  #isOver = false;

  constructor(t: TestContext, url: string) {
    const agent = new http.Agent({ keepAlive: true });
    t.after(() => {
      this.#isOver = true;
      agent.destroy();
    });
    for (let i = 0; i < 16; i++) void this.#go(url, agent);
  }

  count(name: string | null, from: number = 0): number {
    return this.answers.slice(from).filter((answer) => answer === name).length;
  }

  async #go(url: string, agent: http.Agent): Promise<void> {
    while (!this.#isOver) this.answers.push(await answerOf(url, agent));
  }
}

function answerOf(url: string, agent: http.Agent): Promise<string | null> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? body : null));
      response.on('error', () => resolve(null));
    });
    request.on('error', () => resolve(null));
  });
}

interface Flaw {
  readonly FLAW: 'resets' | 'slow';
  readonly outlier: object;
}

/** Three in ten of its requests are reset; rows of five cannot be. */
const RESETS: Flaw = { FLAW: 'resets', outlier: { consecutive: 0, aborts: true, minRequests: 30 } };
const SLOW: Flaw = { FLAW: 'slow', outlier: { consecutive: 0, successRate: 0, latency: 3, minRequests: 5 } };

/** `place`: the flawed one, as it is told of. */
async function serversWith(t: TestContext, { FLAW, outlier }: Flaw, count: number = 4) {
  const folder = folderOf(t);
  const env = { FLAW, FLAWED: 's1', MENDED: join(folder, 'mended') };
  const names = Array.from({ length: count }, (_, i) => `s${i}`);
  const all = await Promise.all(names.map((name) => ServerProcess.start(t, name, env, 'flawed.cjs')));
  const api = { servers: all.map(({ url }) => url), listen: '127.0.0.1:0', outlier: quick(outlier), slowStart: '20s' };
  const evener = configured(t, folder, { pools: { api } });
  const mend = (): void => writeFileSync(env.MENDED, '');
  return { evener, url: await evener.url(0), place: `server ${all[1]!.url}`, name: 's1', mend, all };
}

async function workersWith(t: TestContext, { FLAW, outlier }: Flaw, count: number = 4) {
  const folder = folderOf(t);
  const env = { FLAW, FLAWED: '1', MENDED: join(folder, 'mended') };
  const app = join(APPS, 'flawed.cjs');
  const evener = configured(t, folder, { app, workers: count, env, outlier: quick(outlier), slowStart: '20s' });
  const mend = (): void => writeFileSync(env.MENDED, '');
  return { evener, url: await evener.url(count), place: 'worker 1', name: '1', mend };
}

function quick(outlier: object): object {
  return { ...outlier, interval: '1s', time: '2s', maxTime: '2s' };
}

function configured(t: TestContext, folder: string, config: object): EvenerProcess {
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ admin: '127.0.0.1:0', ...config }));
  return new EvenerProcess(t, [], { cwd: folder });
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evx-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const KINDS = [
  ['servers', serversWith],
  ['workers', workersWith],
] as const;

for (const [kind, start] of KINDS) {
  test(`of four ${kind} one that resets three in ten is taken out by its rate, and comes back`, async (t) => {
    const { evener, url, place, name, mend } = await start(t, RESETS);
    const asking = new Asking(t, url);
    const [, failed] = await evener.said(
      new RegExp(`${place} gets no requests for 2 s: ([\\d.]+) % of its requests failed, of all`),
    );
    assert.ok(Number(failed) >= 10 && Number(failed) < 40, failed);
    assert.match(JSON.stringify(await (await controlOf(evener)).get('/status')), /"ejected"/);
    mend();
    const out = asking.answers.length;
    await evener.said(new RegExp(`${place} gets requests again after`));
    // While it was out the others answered, but for what it had in hand.
    assert.ok(asking.count(name, out) <= asking.answers.length - out - asking.count(name, out), 'others answered');
    const from = asking.answers.length;
    await until('it to serve again', () => asking.count(name, from) > 10);
    const metrics = await ask(`${await adminOf(evener)}metrics`, 'GET');
    assert.match(metrics.body, /^evener_ejections_total\{app="\w+",cause="success-rate"\} 1$/m);
  });

  test(`of four ${kind} one that takes far longer than the others is taken out by its latency`, async (t) => {
    const { evener, url, place, name, mend } = await start(t, SLOW);
    const asking = new Asking(t, url);
    const [, own, others] = await evener.said(
      new RegExp(`${place} gets no requests for 2 s: it takes (\\d+) ms to answer, the others (\\d+) ms`),
    );
    assert.ok(Number(own) >= 3 * Number(others), `${own} ms, ${others} ms`);
    mend();
    await evener.said(new RegExp(`${place} gets requests again after`));
    const from = asking.answers.length;
    await until('it to serve again', () => asking.count(name, from) > 10);
    assert.equal(asking.count(null), 0);
  });
}

test('the last that can be used is never taken out, whatever it does', async (t) => {
  const { evener, url, all } = await serversWith(t, { FLAW: 'resets', outlier: { consecutive: 1, aborts: true } }, 2);
  await all[0]!.kill();
  const asking = new Asking(t, url);
  await evener.said(/gets no requests: .*ECONNREFUSED/);
  // Before that was known, the other may have been taken out for a moment.
  await until('nobody to be taken out', () => evener.count(/gets no requests for/) === evener.count(/requests again/));
  const takenOut = evener.count(/gets no requests for/);
  const from = asking.answers.length;
  await until('failures', () => asking.count(null, from) > 30);
  assert.ok(asking.count('s1', from) > 60);
  assert.equal(evener.count(/gets no requests for/), takenOut, evener.stderr);
});
