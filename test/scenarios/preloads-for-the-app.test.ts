import assert from 'node:assert/strict';
import test from 'node:test';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';

// Whatever is Node and started in this environment loads it, Evener itself among it.
const env = { NODE_OPTIONS: '--require ./preloads/tracing.cjs' };

test('what NODE_OPTIONS loads for the app does not end Evener on a signal', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1'], { env });
  const url = await evener.url();
  assert.equal((await request(url)).status, 200);
  evener.kill('SIGTERM');
  await evener.said(/evener: stopped/);
  assertEnding(await evener.ended, 0);
});

test('what NODE_OPTIONS loads for the app is not loaded in balancer threads', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '1', '--threads', '2'], { env });
  await evener.url();
  assert.doesNotMatch(evener.stderr, /tracing: loaded in a thread/);
});
