import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verb } from '../support/control.ts';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

test('a worker that does not answer is not waited for to the end of a drain', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1', '--hang-limit', '2s', '--drain-limit', '5m']);
  const url = await evener.url();
  let lost = request(`${url}/loop`, 'POST').catch(() => {});
  await evener.said(/worker 0 \(pid \d+\) is stalled/);
  // Another takes its place; the one that is told to finish finishes nothing.
  assert.equal((await verb(evener, ['reload'])).code, 0);
  await lost;

  lost = request(`${url}/loop`, 'POST').catch(() => {});
  await evener.saidTimes(/worker 0 \(pid \d+\) is stalled/, 2);
  evener.kill('SIGTERM');
  await until('its end', () => evener.hasEnded, 60_000);
  assertEnding(await evener.ended, 0);
  await lost;
});
