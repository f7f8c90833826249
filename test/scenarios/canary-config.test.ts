import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

const TRIED = /is tried out with (\d+) % of the requests for ([\d.]+ \w+)/;

test('canary in the config tries out every reload, unless it is told otherwise', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = (options: object): void =>
    writeFileSync(
      join(folder, 'evener.config.json'),
      JSON.stringify({ app: join(APPS, 'server.cjs'), workers: 1, ...options }),
    );
  config({ canary: { share: '20%', for: '1s' } });
  const evener = new EvenerProcess(t, [], { cwd: folder });
  await evener.url();
  const client = await controlOf(evener);
  /** What was tried out by now. */
  const trials = (): string[] =>
    [...evener.stderr.matchAll(new RegExp(TRIED, 'g'))].map(([, share, time]) => `${share} ${time}`);
  const reload = (...args: string[]) => verb(evener, ['reload', ...args], folder);

  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 1);
  await client.post('/reload');
  await evener.saidTimes(TRIED, 2);
  assert.deepEqual(trials(), ['20 1 s', '20 1 s']);
  const asked = await reload('--canary', '30%', '--json');
  assert.deepEqual([asked.code, (JSON.parse(asked.stdout) as { judged: unknown[] }).judged.length], [0, 1]);
  assert.equal((await reload('--for', '1500ms')).code, 0);
  await evener.saidTimes(TRIED, 4);
  assert.deepEqual(trials().slice(2), ['30 1 s', '20 1.5 s']);

  // As the file says by then; a change of it alone replaces nobody.
  config({ canary: '10%' });
  assert.equal((await reload()).code, 0);
  assert.equal(trials().length, 4);
  const running = reload();
  await evener.said(/is tried out with 10 % of the requests for 60 s|is tried out with 10 % of the requests for 1 min/);
  evener.kill('SIGTERM');
  assert.equal((await evener.ended).code, 0);
  assert.equal((await running).code, 1);

  const check = await verb(evener, ['check'], folder);
  assert.match(check.stdout, /^canary +10% +evener\.config\.json$/m);
  for (const [canary, problem] of [
    ['60%', /canary: expected a share of up to '50%', such as '10%', \{ share, for \}, or 'off', got "60%"/],
    [{ share: '10%', for: '1ms' }, /canary\.for: expected a duration from 1s to 24h, such as '60s', got "1ms"/],
    [{ share: 2 }, /canary\.share: expected a share of the requests, up to 50%, such as '10%', got 2/],
    [{ share: '10%', fro: '1s' }, /unknown option canary\.fro \(in evener\.config\.json\): known are share, for/],
    [{ for: '10s' }, /canary\.share: expected /],
  ] as const) {
    config({ canary });
    const { code, stderr } = await verb(evener, ['check'], folder);
    assert.equal(code, 2);
    assert.match(stderr, problem);
  }
});

test('--canary off leaves a trial out, and --for alone needs one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const app = join(APPS, 'server.cjs');
  // Each app has its own.
  const apps = { api: { app, workers: 1, canary: { share: '50%', for: '1s' } }, web: { app, workers: 1 } };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ name: 'pair', apps }));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  await evener.saidTimes(/worker \S+ ready/, 2);
  assert.equal((await verb(evener, ['reload'], folder)).code, 0);
  await evener.said(/worker api:0 .+ is tried out/);
  assert.equal(evener.count(/worker web:0 .+ is tried out/), 0);
  assert.equal((await verb(evener, ['reload', '--canary', 'off'], folder)).code, 0);
  assert.equal(evener.count(TRIED), 1);
  const status = await (await controlOf(evener)).get<Status>('/status');
  assert.ok(status.workers.every(({ generation }) => generation === 2));
  const both = await verb(evener, ['reload', '--canary', 'off', '--for', '10s'], folder);
  assert.deepEqual([both.code, both.stderr], [2, 'evener: for: nothing is tried out where canary is off\n']);

  writeFileSync(
    join(folder, 'evener.config.json'),
    JSON.stringify({ name: 'pair', apps: { web: { app, workers: 1 } } }),
  );
  assert.equal((await verb(evener, ['reload'], folder)).code, 0);
  const alone = await verb(evener, ['reload', '--for', '10s'], folder);
  assert.equal(alone.code, 2);
  assert.match(
    alone.stderr,
    /for: it says how long a new worker is tried out, and needs canary, here or in the config/,
  );
  await until('one worker', async () => (await (await controlOf(evener)).get<Status>('/status')).workers.length === 1);
});
