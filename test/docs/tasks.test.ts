import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { APPS, assertEnding, type EvenerProcess, request } from '../support/evener-process.ts';
import { steadyLoad } from '../support/steady-load.ts';
import { HAS_TMUX } from '../support/tmux.ts';
import { until } from '../support/until.ts';
import { Desk, PageCommands } from './desk.ts';

/** Requests that the new worker of a trial and the others get together. */
const RATE_PER_SECOND = 200;

function app(body: string): string {
  return `require('node:http').createServer((_, response) => { ${body} }).listen(0);\n`;
}

async function statusOf(desk: Desk): Promise<Status> {
  return JSON.parse(await desk.run('evener status --json')) as Status;
}

test('docs/deploy-a-new-version.md: every command does what is said', async (t) => {
  const desk = new Desk(t);
  const page = new PageCommands('docs/deploy-a-new-version.md');
  for (const number of [1, 2]) desk.file(`releases/${number}/server.js`, app(`response.end('${number}')`));
  const fails = join(desk.folder, 'fails');
  const bad = `response.writeHead(require('node:fs').existsSync('${fails}') ? 500 : 200).end('bad')`;
  desk.file('releases/bad/server.js', app(bad));
  const link = (release: string): void => symlinkSync(`releases/${release}`, join(desk.folder, 'current'));
  link('1');
  desk.file('package.json', JSON.stringify({ name: 'shop' }));
  const evener = desk.start(page.take('evener current/server.js'));
  const url = await evener.url();
  await until('every worker', async () => (await statusOf(desk)).workers.every(({ state }) => state === 'ready'));
  const answers = new Map<string, number>();
  steadyLoad(t, url, RATE_PER_SECOND, answers);
  let reloads = 0;
  /** All workers are of the last reload, and run what the link leads to. */
  const assertReloaded = async (): Promise<void> => {
    reloads++;
    const { workers } = await statusOf(desk);
    assert.ok(
      workers.every(({ generation }) => generation === reloads),
      JSON.stringify(workers),
    );
    const current = readFileSync(join(desk.folder, 'current/server.js'), 'utf8');
    const { body } = await request(url);
    assert.ok(current.includes(`'${body}'`), body);
  };

  assert.match(await desk.run(page.take('evener reload')), /^reloaded in /);
  await assertReloaded();
  assert.match(await desk.run(page.take('evener reload --parallel 4')), /^reloaded in /);
  await assertReloaded();
  await desk.shows(page.take('evener status'), /(\d+) of \1 workers/);
  assert.match(await desk.run(page.take('evener events')), /reload done/);
  assert.ok((await desk.run(page.take('evener status --json'))).includes('"generation": 2'));

  // A version that fails is taken back long before its minute is over.
  unlinkSync(join(desk.folder, 'current'));
  link('bad');
  const trial = desk.run(page.take('evener reload --canary 10% --for 60s'), 1);
  const shown = await until('the trial to be shown', async () => {
    const text = await desk.run('evener status');
    return /is tried out: 10 % of the requests, for/.test(text) ? text : null;
  });
  assert.match(shown, /is tried out: 10 % of the requests, for (\d+ s|1 min) more/);
  await until('its part of the requests', () => answers.has('bad 200'));
  desk.file('fails', '');
  const refusal = await trial;
  assert.match(refusal, /^evener: the new version was taken back: \d+ of \d+ of its requests failed, /);
  assert.match(refusal, /^ *worker 0 of shop \(pid \d+\), with 10 % of the requests for \d/m);
  assert.match(refusal, /^ +new +1 +\d+ +\d+ \(\d+(\.\d)? %\) .+\n +before +\d+ +\d+ +0 \(0 %\)/m);
  assert.match(await desk.run('evener events'), /was tried out for .+; taking it back/);
  reloads++;
  assert.equal((await statusOf(desk)).workers.filter(({ generation }) => generation === reloads).length, 0);

  await desk.run(page.take('ln -sfn releases/2 current'));
  const done = await desk.run(page.take('evener reload --canary 10% --for 10s'));
  assert.match(done, /with 10 % of the requests for \d\d(\.\d)? s:\n/);
  await assertReloaded();
  assert.equal((await request(url)).body, '2');
  await desk.run(page.take('ln -sfn releases/1 current'));
  for (const command of ['evener reload', 'evener reload --canary off']) {
    assert.match(await desk.run(page.take(command)), /^reloaded in /);
    await assertReloaded();
  }
  assert.equal((await request(url)).body, '1');
  assert.deepEqual([...answers.keys()].sort(), ['1 200', '2 200', 'bad 200', 'bad 500'], 'nothing else was answered');
  assertEnding(await stopped(evener), 0);

  await serviceIn(desk, `${page.take('evener init systemd')} current/server.js`);
  await desk.run('ln -sfn releases/2 current');
  await desk.run(page.take('sudo systemctl reload shop'));
  const { workers } = await serviceStatus(desk);
  assert.deepEqual(new Set(workers.map(({ generation }) => generation)), new Set([1]));
  assert.deepEqual(page.left, []);
});

async function stopped(evener: EvenerProcess): Promise<Awaited<EvenerProcess['ended']>> {
  evener.kill('SIGTERM');
  return evener.ended;
}

/** Installs what `evener init systemd` writes, as docs/deploy.md says, and starts it; stopped with the test. */
async function serviceIn(desk: Desk, init: string): Promise<void> {
  const page = new PageCommands('docs/deploy.md');
  await desk.run(init);
  await desk.run(page.take(/daemon-reload/));
  desk.after(() => desk.run('systemctl stop shop').catch(() => {}));
  await desk.run(page.take(/enable --now/));
}

async function serviceStatus(desk: Desk): Promise<Status> {
  const env = { XDG_RUNTIME_DIR: join(desk.folder, 'root/run/shop') };
  return JSON.parse(await desk.run('evener status --json --name shop', 0, env)) as Status;
}

test('docs/deploy.md: the service of systemd starts, shows how it is, reloads and stops', async (t) => {
  const desk = new Desk(t);
  const page = new PageCommands('docs/deploy.md');
  desk.file('package.json', JSON.stringify({ name: 'shop' }));
  desk.file('server.js', app("response.end('good')"));
  await serviceIn(desk, page.take(/^evener init systemd/));
  const before = await serviceStatus(desk);
  assert.deepEqual([before.apps[0]!.workers.wanted, before.state], [4, 'running']);
  assert.match(
    await desk.run(`${page.take('systemctl status')} shop`),
    /Active: active\n.*\n.*Status: "4 of 4 workers ready"/,
  );
  await desk.run(page.take(/^sudo systemctl reload shop$/));
  const after = await serviceStatus(desk);
  assert.ok(after.pid === before.pid && after.workers.every(({ generation }) => generation === 1));
  desk.file('server.js', "throw new Error('broken')");
  assert.match(await desk.run('sudo systemctl reload shop', 1), /^Job for shop\.service failed/);
  assert.match(
    readFileSync(join(desk.folder, 'root/run/shop.log'), 'utf8'),
    /The last lines of the new worker:\n[\s\S]*Error: broken/,
  );
  await desk.run('systemctl stop shop');
  assert.match(await desk.run('systemctl status shop'), /Active: inactive/);
});

test('docs/find-what-blocks.md: every command does what is said', async (t) => {
  const desk = new Desk(t);
  const page = new PageCommands('docs/find-what-blocks.md');
  desk.file('server.js', { from: join(APPS, 'hangs/hangs.cjs') });
  desk.file('report.cjs', { from: join(APPS, 'hangs/hangs.cjs') });
  const config = (hangLimit: string): void =>
    desk.file('evener.config.json', JSON.stringify({ name: 'shop', app: 'report.cjs', workers: 1, hangLimit }));
  config('10m');
  const evener = desk.start('evener');
  const lost = request(`${await evener.url()}/spin`).catch(() => {});
  await evener.said(/worker 0 \(pid \d+\) is stalled/);
  assert.match(await desk.run(page.take('evener status')), /^0 +\d+ +stalled +1 /m);
  if (HAS_TMUX) assert.match(await desk.look(page.take('evener top'), /^>0 .*stalled/m, 'q'), /^ shop /m);
  const text = await desk.run(page.take('evener why 0'));
  assert.match(text, /^worker 0 \(pid \d+\) is blocked: spinning .* in crunch, report\.cjs:\d+:\d+\n/);
  assert.match(text, /^ +at crunch \(report\.cjs:\d+:\d+\)\n[\s\S]+in flight for .+: GET \/spin$/m);
  const why = JSON.parse(await desk.run(page.take('evener why 0 --json'))) as { report: { activity: string } };
  assert.equal(why.report.activity, 'spinning');
  config('1s');
  await desk.run('evener reload');
  await evener.said(/worker 0 \(pid \d+\) hangs: silent for/);
  assert.match(
    await desk.run(page.take('evener events')),
    /worker 0 \(pid \d+\) hangs: silent for .*crunch, report\.cjs:\d+:\d+; ending it/,
  );
  await desk.run(page.take('evener logs 0'));
  await lost;
  assertEnding(await stopped(evener), 0);
  desk.file('evener.config.json', '{}');

  // A block of less than the limit costs nobody his life.
  const patient = desk.start(page.take('evener server.js --hang-limit 30s'));
  const slow = await request(`${await patient.url()}/spin-3s`);
  await patient.said(/is stalled/);
  assert.deepEqual([slow.status, patient.count(/hangs|died/)], [200, 0]);
  assertEnding(await stopped(patient), 0);

  const debugged = desk.start(page.take('evener server.js --workers 1 --hang-limit off'));
  await debugged.url();
  const { pid } = (await statusOf(desk)).workers[0]!;
  await desk.run(page.take('kill -USR1 4711').replace('4711', String(pid)));
  const log = page.take('evener logs 0');
  const [, address] = await until('the inspector to open', async () =>
    /Debugger listening on ws:\/\/(127\.0\.0\.1:\d+)\//.exec(await desk.run(log)),
  );
  const inspect = page.take('node inspect 127.0.0.1:40853').replace('127.0.0.1:40853', address!);
  await desk.talk(inspect, [
    [/^debug> $/m, 'exec process.pid'],
    [new RegExp(`^(?:debug> )?${pid}\n`, 'm'), '.exit'],
  ]);
  assert.equal((await statusOf(desk)).workers[0]!.pid, pid, 'it goes on');
  assert.deepEqual(page.left, HAS_TMUX ? [] : ['evener top']);
});

test('docs/moving-from-pm2.md: every command does what PM2 did by its own', async (t) => {
  const desk = new Desk(t);
  const page = new PageCommands('docs/moving-from-pm2.md');
  const settings = "{ name: 'shop', script: 'server.js', instances: 1, merge_logs: true }";
  desk.file('ecosystem.config.js', `module.exports = { apps: [${settings}] };\n`);
  desk.file('server.js', app("console.log('asked'); response.end('1')"));
  assert.match(
    await desk.run(page.take('evener check --config ecosystem.config.js')),
    /^apps\.shop\.workers +1 +ecosystem\.config\.js$/m,
  );
  const evener = desk.start(page.take('evener --config ecosystem.config.js'));
  const url = await evener.url();
  assert.match(evener.stderr, /merge_logs/);
  const pids = async (): Promise<(number | null)[]> => (await statusOf(desk)).workers.map(({ pid }) => pid);
  const before = await pids();
  assert.match(await desk.run(page.take('evener reload')), /^reloaded in/);
  const reloaded = await pids();
  assert.notDeepEqual(reloaded, before);
  await desk.run(page.take('evener restart 0'));
  assert.notDeepEqual(await pids(), reloaded);
  await desk.run(page.take('evener scale +1'));
  await until(
    'two workers',
    async () => (await statusOf(desk)).workers.filter(({ state }) => state === 'ready').length === 2,
  );
  await desk.shows(page.take('evener status'), /2 of 2 workers/);
  if (HAS_TMUX) assert.match(await desk.look(page.take('evener top'), /^ 1 .*ready/m, 'q'), /^>0 .*ready/m);
  await request(url);
  const followed = await desk.follow(page.take('evener logs -f'), /\| asked$/m);
  assert.match(
    await desk.run(page.take('evener init systemd server.js')),
    /^wrote shop\.service$|^wrote server\.service$/m,
  );
  assert.match(await desk.run(page.take('evener stop')), /has stopped/);
  await followed();
  assertEnding(await evener.ended, 0);
  assert.deepEqual(page.left, HAS_TMUX ? [] : ['evener top']);
});

test('docs/moving-from-cluster.md: every command does what is said', async (t) => {
  const desk = new Desk(t);
  const page = new PageCommands('docs/moving-from-cluster.md');
  desk.file('server.js', app('response.end(process.env.EVENER_WORKER_ID)'));
  const evener = desk.start(page.take('evener server.js'));
  assert.match((await request(await evener.url())).body, /^\d+$/);
  assert.match(await desk.run(page.take('evener reload')), /^reloaded in/);
  assert.deepEqual(page.left, []);
});
