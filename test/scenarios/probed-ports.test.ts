import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

test('an app comes up whose look at its port does not keep it alive', async (t) => {
  const port = String(await freePort());
  const evener = new EvenerProcess(t, ['probing.cjs', '-w', '1'], { env: { PORT: port, PROBE_UNREF: '1' } });
  await until(
    () => `an answer:\n${evener.stderr}`,
    async () => {
      assert.equal(evener.count(/died|ended/), 0, evener.stderr);
      const answer = await request(`http://127.0.0.1:${port}`).catch(() => null);
      return answer?.status === 200;
    },
  );
});
