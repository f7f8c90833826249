import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JudgedWorker, Status } from '../../src/control/control-target.ts';
import { controlOf, type VerbResult, verb } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

const TRIAL = ['reload', '--canary', '25%', '--for', '4s'];

test('a new version of a Python app is judged as one of a Node app is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-judged-python-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'version');
  const setVersion = (version: string): void => writeFileSync(file, version);
  setVersion('good');
  const app = ['-w', '2', '-p', '0', '--', 'python3', join(APPS, 'versioned.py')];
  const evener = new EvenerProcess(t, app, { env: { VERSION: file } });
  const url = await evener.url(2);
  const client = await controlOf(evener);
  const pids = (): Promise<(number | null)[]> =>
    until('the pool to settle', async () => {
      const { workers } = await client.get<Status>('/status');
      const isSettled = workers.length === 2 && workers.every(({ state }) => state === 'ready');
      return isSettled ? workers.map(({ pid }) => pid) : null;
    });
  const answers = new Map<string, number>();
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const answer = await request(url).catch((error: Error) => ({ status: error.message, body: '' }));
      const key = `${answer.body} ${answer.status}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    }
  };
  // So many that even a slow machine gives the newcomer enough to be judged by.
  const asking = Array.from({ length: 12 }, ask);
  const before = await pids();

  setVersion('better');
  const on = await verb(evener, [...TRIAL, '--json']);
  assert.equal(on.code, 0, on.stderr + evener.stderr);
  const [{ verdict, reason, newcomer, others }] = judgedOf(on) as [JudgedWorker];
  assert.equal(verdict, 'on', reason);
  const share = newcomer.requests / (newcomer.requests + others.requests);
  assert.ok(share > 0.1 && share < 0.45, `${newcomer.requests} beside ${others.requests}`);
  const after = await pids();
  assert.ok(after.every((pid) => !before.includes(pid)));

  setVersion('fails');
  const back = await verb(evener, TRIAL);
  assert.equal(back.code, 1);
  assert.match(back.stderr, /^evener: the new version was taken back: \d+ of \d+ of its requests failed, 0 of \d+/);
  assert.deepEqual(await pids(), after, 'the pool is as it was');
  setVersion('dies');
  const died = await verb(evener, TRIAL);
  assert.equal(died.code, 1);
  assert.match(died.stderr, /^evener: the new version was taken back: it died/);
  assert.deepEqual(await pids(), after);
  isOver = true;
  await Promise.all(asking);
  const unexpected = [...answers].filter(([key]) => !/^(good|better|dies) 200$|^fails (200|500)$/.test(key));
  assert.deepEqual(unexpected, [], 'no request failed but by the app');
});

function judgedOf({ stdout }: VerbResult): JudgedWorker[] {
  return (JSON.parse(stdout) as { judged: JudgedWorker[] }).judged;
}
