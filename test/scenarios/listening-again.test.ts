import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';

test('a server that closes and listens again is served by several threads', async (context) => {
  const second = await freePort();
  const env = { SECOND: String(second) };
  const evener = new EvenerProcess(context, ['listens-again.cjs', '-w', '1', '--threads', '2'], { env });
  await evener.url(1);
  await evener.said(new RegExp(`listens for good: ${second}`));
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(`http://127.0.0.1:${second}/`)));
  assert.deepEqual([...new Set(answers.map(({ body }) => body))], ['again']);
  assert.doesNotMatch(evener.stderr, /died/);
});
