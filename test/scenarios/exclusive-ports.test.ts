import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

test('workers share a port of HTTP that each asks for alone, and a lock has one owner', async (t) => {
  const [port, lockPort] = [String(await freePort()), String(await freePort())];
  const evener = new EvenerProcess(t, ['exclusive.cjs', '-w', '2'], { env: { PORT: port, LOCK_PORT: lockPort } });
  assert.equal(await evener.url(2), `http://localhost:${port}`);
  const answers = new Set<string>();
  await until(
    () => `two workers in ${[...answers]}:\n${evener.stderr}`,
    async () => answers.add((await request(`http://127.0.0.1:${port}`)).body).size === 2,
  );
  assert.deepEqual([...answers].map((answer) => answer.split(' ')[1]).sort(), ['follows', 'leads']);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
});
