import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

function helped(t: TestContext, env: Readonly<Record<string, string>>, workers: number): EvenerProcess {
  return new EvenerProcess(t, ['-w', String(workers), '--', 'node', 'helped.cjs'], { env });
}

for (const helper of ['path', 'loopback']) {
  test(`a process that listens for its like first does not take the app's place: ${helper}`, async (t) => {
    const port = String(await freePort());
    const evener = helped(t, { PORT: port, HELPED_BY: helper }, 2);
    assert.equal(await evener.url(2), `http://localhost:${port}`);
    const answers = new Set<string>();
    await until(
      () => `two apps in ${[...answers]}:\n${evener.stderr}`,
      async () => answers.add((await request(`http://127.0.0.1:${port}`)).body).size === 2,
    );
    for (const answer of answers) assert.match(answer, /^app \d+$/);
    evener.kill('SIGTERM');
    assertEnding(await evener.ended, 0);
  });
}

test('a second process of a worker that listens is told why it may not', async (t) => {
  const [port, helperPort] = [String(await freePort()), String(await freePort())];
  const evener = helped(t, { PORT: port, HELPED_BY: 'port', HELPER_PORT: helperPort }, 1);
  await evener.said(new RegExp(`listen EPERM: process \\d+ of this worker listens at Evener already.*: .*:${port}`));
});
