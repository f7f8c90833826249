import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

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

test('clients are served whose connections get the number of a port that several threads had open', async (context) => {
  const second = await freePort();
  const env = { SECOND: String(second) };
  const evener = new EvenerProcess(context, ['closes-second.cjs', '-w', '1', '--threads', '2'], { env });
  await evener.url(1);
  const [, first] = await evener.said(/first: (\d+)/);
  assert.equal((await request(`http://127.0.0.1:${second}/`)).body, 'second');
  await evener.said(/closed/);
  await until('the port to be closed', () =>
    request(`http://127.0.0.1:${second}/`).then(
      () => false,
      ({ code }) => code === 'ECONNREFUSED',
    ),
  );
  // Each gets the lowest number that is free, and either thread may be the one to accept it.
  for (let i = 0; i < 50; i++) assert.equal((await request(`http://127.0.0.1:${first}/`)).body, 'first');
});
