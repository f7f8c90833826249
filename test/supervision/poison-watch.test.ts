import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FromSupervisor, InFlightRequest } from '../../src/channel/messages.ts';
import { PoisonWatch } from '../../src/supervision/poison-watch.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

class Watched {
  nowMs = 0;
  readonly sentences: string[] = [];
  readonly released: string[] = [];
  suspects: readonly string[] = [];
  refused: readonly string[] = [];
  readonly watch: PoisonWatch;

  constructor(quarantineMs: number = 60_000) {
    const host = {
      pool: 'app',
      post: (message: FromSupervisor) => this.#hear(message),
      quarantined: ({ target, fingerprint }: InFlightRequest, scope: string, workers: number, forMs: number) => {
        assert.ok(this.refused.includes(fingerprint!), 'balancer threads know before it is said');
        this.sentences.push(`${scope} ${target} ${workers} ${forMs}`);
      },
      released: ({ target }: InFlightRequest) => this.released.push(target),
    };
    this.watch = new PoisonWatch(quarantineMs, host, () => this.nowMs);
  }

  blame(worker: number, ...fingerprints: (string | null)[]): void {
    const inFlight = fingerprints.map((fingerprint) => {
      return { method: 'GET', target: `/${fingerprint?.split('.')[0]}`, ageMs: 1, fingerprint };
    });
    this.watch.blame(worker, inFlight);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.watch.tick();
  }

  #hear(message: FromSupervisor): void {
    assert.equal(message.type, 'quarantine');
    if (message.type !== 'quarantine') return;
    this.suspects = message.suspects;
    this.refused = message.refused;
  }
}

test('refuses what was in flight at the ends of two workers, and lets it go after a while', () => {
  const app = new Watched();
  app.blame(1, 'a.1', 'b.1');
  assert.deepEqual([app.suspects, app.refused], [['a.1', 'b.1', 'a', 'b'], []]);
  app.blame(1, 'a.1');
  assert.deepEqual(app.refused, [], 'one worker counts once');
  app.blame(2, 'a.1', 'c.1');
  assert.deepEqual([app.refused, app.sentences], [['a.1'], ['request /a 2 60000']]);
  app.pass(59_999);
  assert.deepEqual(app.refused, ['a.1']);
  app.pass(1);
  assert.deepEqual([app.suspects.includes('a.1'), app.refused, app.released], [true, [], ['/a']]);
  app.watch.close();
});

test('refuses a target to everybody only where no single request was there at all of its deaths', () => {
  const app = new Watched();
  app.blame(1, 'a.1', 'a.2');
  app.blame(2, 'a.1', 'a.3');
  assert.deepEqual(app.refused, ['a.1'], 'others may ask for it');
  app.watch.acquitted('a');
  app.blame(3, 'a.4');
  assert.deepEqual(app.refused, ['a.1'], 'somebody was answered in between');
  app.blame(4, 'a.5');
  assert.deepEqual(app.refused, ['a.1', 'a']);
  assert.deepEqual(app.sentences, ['request /a 2 60000', 'target /a 2 60000']);
  app.watch.close();
});

test('refuses for longer what does it again', () => {
  const app = new Watched();
  for (let worker = 1; worker <= 9; worker++) {
    app.blame(worker, 'a.1');
    app.pass(3_600_000 > app.nowMs ? 600_000 - 1 : 3_600_000);
  }
  assert.deepEqual(app.sentences.slice(0, 3), ['request /a 2 60000', 'request /a 3 120000', 'request /a 4 240000']);
  app.watch.close();
});

test('acquits what is answered, and forgets what was suspected long ago', () => {
  const app = new Watched();
  app.blame(1, 'a.1', 'b.1');
  app.watch.acquitted('a.1');
  app.watch.acquitted('a');
  app.blame(2, 'a.1');
  assert.deepEqual(app.refused, []);
  app.pass(600_000);
  app.blame(3, 'b.1');
  assert.deepEqual([app.suspects, app.refused], [['b.1', 'b'], []]);
  app.watch.close();
});

test('blames nobody where many were there both times, nothing that had not begun, and nothing when it is off', () => {
  const app = new Watched();
  const many = ['a.1', 'b.1', 'c.1', 'd.1', 'e.1'];
  app.blame(1, ...many);
  app.blame(2, ...many);
  app.blame(3, null);
  assert.deepEqual([app.refused, app.sentences], [[], []]);
  const off = new Watched(0);
  off.blame(1, 'a.1');
  off.blame(2, 'a.1');
  assert.deepEqual(off.suspects, []);
  app.watch.close();
});

test('does not give a third worker a POST that killed two', async (t) => {
  const evener = new EvenerProcess(t, ['crashes.cjs', '-w', '3']);
  const url = await evener.url(3);
  const poison = `${url}/throw?who=me`;
  for (let death = 1; death <= 2; death++) {
    assert.equal((await request(poison, 'POST')).status, 502);
    await evener.saidTimes(/died: exit code 1/, death);
  }
  await evener.said(/POST \/throw was in flight when 2 workers died or hung; it is answered with 503 for 60 s$/m);
  const refused = await request(poison, 'POST');
  assert.deepEqual([refused.status, refused.headers['retry-after'] !== undefined], [503, true]);
  assert.match(refused.body, /two workers died or hung/);
  assert.equal((await request(url)).status, 200, 'others are served');
  await evener.saidTimes(/worker \d ready/, 5);
  assert.equal(evener.count(/died/), 2 + evener.count(/workers died or hung/));
  assert.doesNotMatch(evener.stderr, /who=me/);
});

test('a GET kills two workers, itself and once more, and no third', async (t) => {
  const evener = new EvenerProcess(t, ['crashes.cjs', '-w', '3', '--threads', '2']);
  const url = await evener.url(3);
  assert.equal((await request(`${url}/throw`)).status, 502);
  await evener.said(/GET \/throw was in flight when 2 workers died/);
  // Every thread knows, once it has gone on to something else.
  for (let i = 0; i < 20; i++) assert.equal((await request(url)).status, 200);
  for (let i = 0; i < 8; i++) assert.equal((await request(`${url}/throw`)).status, 503);
  await evener.saidTimes(/worker \d ready/, 5);
  assert.equal(evener.count(/died: exit code 1/), 2);
});

test('what a header field of one client does is not laid to others that ask for the same', async (t) => {
  const evener = new EvenerProcess(t, ['crashes.cjs', '-w', '2']);
  const url = await evener.url(2);
  for (const id of ['1', '2']) {
    const poison = await request(url, 'GET', { 'x-poison': 'yes', 'x-request-id': id });
    assert.equal(poison.status, id === '1' ? 502 : 503);
    await evener.said(/GET \/ was in flight when 2 workers died or hung; it is answered with 503 for 60 s$/m);
  }
  await evener.saidTimes(/worker \d ready/, 4);
  assert.equal((await request(url)).status, 200);
  assert.equal(evener.count(/died: exit code 1/), 2);
});

test('a target of which requests of all kinds kill workers is refused to everybody', async (t) => {
  const evener = new EvenerProcess(t, ['crashes.cjs', '-w', '2']);
  const url = await evener.url(2);
  for (const cookie of ['a=1', 'a=2']) assert.equal((await request(`${url}/throw`, 'POST', { cookie })).status, 502);
  await evener.said(/POST \/throw, from whomever, was in flight when 2 workers died or hung; it is answered with 503/);
  assert.equal((await request(`${url}/throw`, 'POST', { cookie: 'a=3' })).status, 503);
});

test('a request that hung two workers is refused; one that was there when somebody killed two is not', async (t) => {
  const evener = new EvenerProcess(t, ['hangs/hangs.cjs', '-w', '2', '--hang-limit', '2s']);
  const url = await evener.url(2);
  for (let hang = 1; hang <= 2; hang++) {
    assert.equal((await request(`${url}/spin`, 'POST')).status, 502);
    await evener.saidTimes(/died: it hung and was ended/, hang);
  }
  await evener.said(/POST \/spin was in flight when 2 workers died or hung; it is answered with 503/);
  assert.equal((await request(`${url}/spin`, 'POST')).status, 503);
  const folder = mkdtempSync(join(tmpdir(), 'evener-poison-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const begun = join(folder, 'begun');
  writeFileSync(begun, '');
  const waiting = new EvenerProcess(t, ['deliveries.cjs', '-w', '1', '--', begun]);
  const slow = `${await waiting.url(1)}/?ms=60000`;
  for (let death = 1; death <= 2; death++) {
    const answer = request(slow, 'POST');
    await until('it to be begun', () => readFileSync(begun, 'utf8').split('\n').length > death);
    process.kill(workerPids(waiting).at(-1)!, 'SIGKILL');
    assert.equal((await answer).status, 502);
    await waiting.saidTimes(/worker 0 ready/, death + 1);
  }
  assert.equal((await request(slow.replace('60000', '1'), 'POST')).status, 200);
  assert.equal(waiting.count(/answered with 503/), 0);
});
