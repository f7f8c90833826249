import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, EvenerProcess, request } from '../support/evener-process.ts';

const LINE = 40;

/** Far more work in one line than the hang limit: each request keeps the event loop for a tenth of it. */
function line(url: string): Promise<Answer[]> {
  return Promise.all(Array.from({ length: LINE }, () => request(`${url}/block?ms=100`)));
}

const OPTIONS = ['faults.cjs', '--workers', '1', '--hang-limit', '1s'];

test('a worker that works its way through a long line is not taken for hung', async (t) => {
  const evener = new EvenerProcess(t, OPTIONS);
  const answers = await line(await evener.url(1));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(new Set(answers.map(({ body }) => body)).size, 1, 'all from the same process');
  assert.match(evener.stderr, /is behind: requests wait there for|is stalled/);
  assert.doesNotMatch(evener.stderr, /hangs|died/);
});

test('a stop waits for the end of a long line', async (t) => {
  const evener = new EvenerProcess(t, OPTIONS);
  const answers = line(await evener.url(1));
  await evener.said(/is behind: requests wait there for|is stalled/);
  evener.kill('SIGTERM');
  assert.ok((await answers).every(({ status }) => status === 200));
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});
