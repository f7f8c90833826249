import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';

test('starts another worker while those there are busy, and no more than asked for', async (context) => {
  const evener = new EvenerProcess(context, ['busy.cjs', '-w', '1-2']);
  const url = await evener.url(1);
  await evener.said(/starting busy\.cjs: 1 worker/);
  let isOver = false;
  // So many that it is never the clients which are waited for, however little time a busy machine gives them.
  const clients = Array.from({ length: 16 }, async () => {
    while (!isOver) assert.equal((await request(url)).status, 200);
  });
  await evener.said(/scaled to 2 workers: (event loops are \d+ % busy|\d+ requests? waits? for a worker)/);
  await evener.said(/worker 1 ready/);
  const seen = new Set<string>();
  while (seen.size < 2) seen.add((await request(url)).body);
  isOver = true;
  await Promise.all(clients);
  assert.equal(evener.count(/scaled to/), 1);
});
