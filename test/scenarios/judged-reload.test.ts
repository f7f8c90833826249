import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PLAIN, statusText } from '../../src/cli/tables.ts';
import type { JudgedWorker, Status } from '../../src/control/control-target.ts';
import type { Incident } from '../../src/core/incident.ts';
import { controlOf, type VerbResult, verb } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { steadyLoad } from '../support/steady-load.ts';
import { until } from '../support/until.ts';

interface Scene {
  readonly evener: EvenerProcess;
  readonly url: string;
  /** What the app is from its next start on. */
  setVersion(version: string): void;
  /** Answers so far, by version and status: `good 200`. */
  readonly answers: Map<string, number>;
}

/** An app of several workers under steady load. */
async function scene(t: TestContext, args: readonly string[], ratePerSecond: number): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-judged-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'version');
  writeFileSync(file, 'good');
  const evener = new EvenerProcess(t, ['versioned.cjs', ...args], { env: { VERSION: file } });
  const url = await evener.url(2);
  const answers = new Map<string, number>();
  if (ratePerSecond > 0) steadyLoad(t, url, ratePerSecond, answers);
  return { evener, url, answers, setVersion: (version) => writeFileSync(file, version) };
}

function judgedOf({ stdout }: VerbResult): JudgedWorker[] {
  return (JSON.parse(stdout) as { judged: JudgedWorker[] }).judged;
}

async function workersOf(scene: Scene): Promise<Status['workers']> {
  return (await (await controlOf(scene.evener)).get<Status>('/status')).workers;
}

/** Pids of workers, once there are only so many and all are ready. */
function settledPids(scene: Scene, workers: number): Promise<(number | null)[]> {
  return until('the pool to settle', async () => {
    const all = await workersOf(scene);
    return all.length === workers && all.every(({ state }) => state === 'ready') ? all.map(({ pid }) => pid) : null;
  });
}

const TRIAL = ['reload', '--canary', '25%', '--for', '4s'];

test('a version that does as well takes over after its trial, and one that does worse is taken back', async (t) => {
  const it = await scene(t, ['-w', '2'], 120);
  const { evener, answers } = it;
  const before = await settledPids(it, 2);

  it.setVersion('better');
  const reloading = verb(evener, [...TRIAL, '--json']);
  const client = await controlOf(evener);
  const shown = await until('the trial to be shown', async () => {
    const status = await client.get<Status>('/status');
    return status.canaries.some(({ leftMs }) => leftMs !== null) ? status : null;
  });
  const tried = /^worker 0, pid (\d+), is tried out: 25 % of the requests, for \d s more$/m.exec(
    statusText(shown, PLAIN, Infinity),
  );
  assert.ok(tried !== null, statusText(shown, PLAIN, Infinity));
  const during = shown.workers;
  assert.equal(during.length, 3, 'both of before serve beside it');
  for (const pid of before) assert.ok(during.some((worker) => worker.pid === pid && worker.state === 'ready'));
  const on = await reloading;
  assert.equal(on.code, 0, on.stderr);
  const [judged] = judgedOf(on);
  assert.equal(judged!.verdict, 'on', judged!.reason);
  assert.equal(judged!.pid, Number(tried[1]));
  const { newcomer, others } = judged!;
  const share = newcomer.requests / (newcomer.requests + others.requests);
  // Less where a busy machine has let the newcomer wait.
  assert.ok(share > 0.04 && share < 0.4, `${newcomer.requests} beside ${others.requests}`);
  assert.deepEqual([newcomer.workers, others.workers, newcomer.failures, others.failures], [1, 2, 0, 0]);
  const after = await settledPids(it, 2);
  assert.ok(after[0] === judged!.pid && !before.includes(after[1]!), `${before} -> ${after}`);

  it.setVersion('fails');
  const back = await verb(evener, TRIAL);
  assert.equal(back.code, 1);
  assert.equal(back.stdout, '');
  assert.match(
    back.stderr,
    /^evener: the new version was taken back: \d+ of \d+ of its requests failed, 0 of \d+ of the old/,
  );
  assert.match(
    back.stderr,
    /^ +WORKERS +REQUESTS +FAILED +P50 +P99 +LOOP DELAY +LOOP BUSY\n +new +1 +\d+ +\d+ \(\d+(\.\d)? %\)/m,
  );
  assert.deepEqual(await settledPids(it, 2), after, 'the pool is as it was');
  await evener.said(/worker 0 \(pid \d+\) was tried out for .+ requests failed.+; taking it back/);
  await evener.said(/reload failed, the workers of before go on: the new version was taken back/);
  const { incidents } = await client.get<{ incidents: Incident[] }>('/incidents');
  const incident = incidents.find(({ kind }) => kind === 'reload-failed')!;
  assert.ok((incident.evidence.newcomer as { failures: number }).failures > 0);

  it.setVersion('slow');
  const slow = await verb(evener, TRIAL);
  assert.equal(slow.code, 1, slow.stdout + slow.stderr);
  assert.match(slow.stderr, /half of its answers took \d+ ms or more/);
  it.setVersion('blocks');
  // It blocks now and then only, so that it takes longer to tell.
  const blocking = await verb(evener, ['reload', '--canary', '25%', '--for', '8s']);
  assert.equal(blocking.code, 1, blocking.stdout + blocking.stderr);
  assert.match(blocking.stderr, /the new version was taken back: .*(of its answers took|its event loop was held up)/);
  assert.deepEqual(await settledPids(it, 2), after);
  const unexpected = [...answers].filter(([key]) => !/^(good|better|slow|blocks) 200$|^fails (200|500)$/.test(key));
  assert.deepEqual(unexpected, [], 'no request failed but by the app');
});

test('a version that dies or hangs while it is tried out is taken back at once', async (t) => {
  const it = await scene(t, ['-w', '2', '--hang-limit', '5s'], 60);
  const before = await settledPids(it, 2);
  const long = ['reload', '--canary', '30%', '--for', '10m'];

  it.setVersion('dies');
  const died = await verb(it.evener, long);
  assert.equal(died.code, 1);
  assert.match(died.stderr, /^evener: the new version was taken back: it died\n/);
  assert.deepEqual(await settledPids(it, 2), before);

  it.setVersion('loops');
  const hung = await verb(it.evener, long);
  assert.equal(hung.code, 1);
  assert.match(hung.stderr, /^evener: the new version was taken back: (its event loop has been silent for|it hung)/);
  assert.deepEqual(await settledPids(it, 2), before);

  it.setVersion('broken');
  const broken = await verb(it.evener, long);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /The last lines of the new worker:\n[\s\S]+Error: broken version/);
  assert.deepEqual(await settledPids(it, 2), before);
  const control = await controlOf(it.evener);
  let open: string[] = [];
  // A worker that a busy machine has kept from answering is another for a moment.
  await until(
    () => `nothing else to be open: ${open}`,
    async () => {
      const { incidents } = await control.get<{ incidents: Incident[] }>('/incidents');
      open = incidents.filter(({ closedAt }) => closedAt === null).map(({ kind }) => kind);
      return open.join() === 'reload-failed';
    },
  );
});

test('with too few requests to judge by it goes on, and says so', async (t) => {
  const it = await scene(t, ['-w', '2', '--threads', '2'], 0);
  const before = await settledPids(it, 2);
  for (let i = 0; i < 5; i++) await request(it.url);
  const client = await controlOf(it.evener);
  const order = { canary: '50%', for: '1s', parallel: 2 };
  const { judged } = await client.post<{ judged: JudgedWorker[] }>('/reload', order);
  assert.equal(judged[0]!.verdict, 'unjudged');
  assert.match(judged[0]!.reason, /^too few requests to judge: it had 0, and 30 are needed$/);
  await it.evener.said(/too few requests to judge: .+; going on/);
  assert.ok((await settledPids(it, 2)).every((pid) => !before.includes(pid)));

  for (const [body, problem] of [
    [{ canary: '60%' }, /canary: expected a share of the requests, up to 50%, such as '10%', or 'off', got "60%"/],
    [{ canary: '10%', for: 'soon' }, /for: expected a duration from 1s to 24h, such as '60s', got "soon"/],
    [{ for: '10s' }, /for: it says how long a new worker is tried out, and needs canary/],
    [{ parallel: 0 }, /parallel: /],
  ] as const) {
    await assert.rejects(client.post('/reload', body), problem);
  }
  const wrong = await verb(it.evener, ['reload', '--canary', 'some']);
  assert.deepEqual([wrong.code, /canary: expected a share/.test(wrong.stderr)], [2, true]);
});

test('a stop ends a trial', async (t) => {
  const it = await scene(t, ['-w', '2'], 0);
  const reloading = verb(it.evener, ['reload', '--canary', '10%', '--for', '10m']);
  await it.evener.said(/is tried out with 10 % of the requests for 10 min/);
  it.evener.kill('SIGTERM');
  assert.equal((await it.evener.ended).code, 0);
  assert.equal((await reloading).code, 1);
});
