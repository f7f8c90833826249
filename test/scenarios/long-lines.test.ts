import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';

const LINE = 16;

/**
 * Far more work in one line than the hang limit, each request a small part of it. All come in one moment, so that they stand at
 * the worker and not in the queue.
 */
async function line(t: TestContext, evener: EvenerProcess): Promise<() => Promise<number[]>> {
  const url = await evener.url(1);
  const clients: RawClient[] = [];
  while (clients.length < LINE) clients.push(await RawClient.connect(t, url));
  for (const client of clients) client.write('GET /block?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n');
  return async () => {
    const answers = clients.map(async (client) => (await client.response()).status);
    return [...new Set(await Promise.all(answers))];
  };
}

function options(hangLimit: string): string[] {
  return ['faults.cjs', '--workers', '1', '--hang-limit', hangLimit];
}

test('a worker that works its way through a long line is not taken for hung', async (t) => {
  const evener = new EvenerProcess(t, options('2s'));
  const statuses = await line(t, evener);
  assert.deepEqual(await statuses(), [200]);
  assert.match(evener.stderr, /is behind: requests wait there for|is stalled/);
  assert.doesNotMatch(evener.stderr, /hangs|died/);
});

test('a stop waits for the end of a long line', async (t) => {
  const evener = new EvenerProcess(t, options('2s'));
  const statuses = await line(t, evener);
  await evener.said(/is behind: requests wait there for|is stalled/);
  evener.kill('SIGTERM');
  assert.deepEqual(await statuses(), [200]);
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});
