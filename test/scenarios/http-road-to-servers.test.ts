import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnceEach } from '../support/started-once.ts';
import { until } from '../support/until.ts';
import { type Road, roadTests } from './support/road-suite.ts';

const started = startedOnceEach(async (cleanup, settings: object | null) => {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const server = spawn(process.execPath, [join(APPS, 'road.cjs'), JSON.stringify(settings ?? {})], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.after(() => server.kill('SIGKILL'));
  const told = { stdout: '' };
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    told.stdout += text;
  });
  await until('the server to listen', () => told.stdout.includes('listening'));
  const evener = new EvenerProcess(cleanup, ['proxy', `127.0.0.1:${port}`, '-p', '0']);
  return { told, evener, url: await evener.url(0) };
});

/** The app of `road.cjs` as a plain server behind `evener proxy`. One serves all tests that ask for the same. */
async function road(t: TestContext, settings: object | null = null): Promise<Road> {
  const { told, evener, url } = await started(settings);
  const since = told.stdout.length;
  return {
    url,
    client: await RawClient.connect(t, url),
    balancerPid: evener.pid,
    stdout: () => told.stdout.slice(since),
  };
}

roadTests(road);
