import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { RawClient } from '../support/raw-client.ts';
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

/** Every worker serves the port that it looked at. */
async function serveTheirPort(evener: EvenerProcess, port: string, workers: number): Promise<void> {
  await evener.saidTimes(/worker \d+ ready/, workers);
  const pids = new Set<string>();
  await until(
    () => `${workers} workers in ${[...pids]}:\n${evener.stderr}\n${evener.stdout}`,
    async () => {
      const answer = await request(`http://127.0.0.1:${port}`).catch(() => null);
      if (answer !== null) pids.add(answer.body);
      return pids.size >= workers;
    },
  );
  assert.doesNotMatch(evener.stderr, /died|in use/);
  assert.doesNotMatch(evener.stdout, /another port/);
}

for (const threads of ['1', '2']) {
  test(`workers that look at their port all serve it: ${threads} balancer thread(s)`, async (t) => {
    const port = String(await freePort());
    const args = ['probing.cjs', '-w', '3', '--threads', threads];
    const evener = new EvenerProcess(t, args, { env: { PORT: port } });
    await serveTheirPort(evener, port, 3);
    assert.equal(await evener.url(3), `http://localhost:${port}`);
    assert.doesNotMatch(evener.stderr, /tcp:/);
  });

  test(`a port goes over to HTTP while another worker looks at it: ${threads} balancer thread(s)`, async (t) => {
    const port = String(await freePort());
    const args = ['probing.cjs', '-w', '2', '--threads', threads];
    const evener = new EvenerProcess(t, args, { env: { PORT: port, PROBE_OPEN_MS: '1500' } });
    await serveTheirPort(evener, port, 2);
  });
}

test('a worker that takes the place of the only one serves the port that it looked at', async (t) => {
  const port = String(await freePort());
  const evener = new EvenerProcess(t, ['probing.cjs', '-w', '1'], { env: { PORT: port } });
  await serveTheirPort(evener, port, 1);
  const { body: pid } = await request(`http://127.0.0.1:${port}`);
  process.kill(Number(pid), 'SIGKILL');
  const answer = await until('another one', async () => {
    const { body } = await request(`http://127.0.0.1:${port}`);
    return body === pid || body === '' ? null : body;
  });
  assert.match(answer, /^\d+$/);
  assert.doesNotMatch(evener.stdout, /another port/);
});

test('a server of bytes that stays where others have served HTTP gets connections once they have closed', async (t) => {
  const port = await freePort();
  const env = { PORT: String(port), PROBE_OPEN_MS: '600000' };
  const evener = new EvenerProcess(t, ['probing.cjs', '-w', '2'], { env });
  await until('both to have looked', () => evener.stdout.split('has looked').length === 3);
  await evener.said(/worker 0 ready/);
  for (let i = 0; i < 10; i++) assert.match((await request(`http://127.0.0.1:${port}`)).body, /^\d+$/);
  await request(`http://127.0.0.1:${port}/close`);
  await evener.said(/worker 1 ready/);
  const client = await RawClient.connect(t, `tcp://127.0.0.1:${port}`);
  assert.equal(await client.rest(), 'bytes');
});
