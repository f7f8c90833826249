import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';
import { type Road, roadTests } from './support/road-suite.ts';

/** The app of `road.cjs` as a plain server behind `evener proxy`. */
async function road(t: TestContext, settings: object = {}): Promise<Road> {
  const port = await freePort();
  const env = { ...process.env, PORT: String(port) };
  const server = spawn(process.execPath, [join(APPS, 'road.cjs'), JSON.stringify(settings)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  let stdout = '';
  server.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await until('the server to listen', () => stdout.includes('listening'));
  const evener = new EvenerProcess(t, ['proxy', `127.0.0.1:${port}`, '-p', '0']);
  const url = await evener.url(0);
  return { url, client: await RawClient.connect(t, url), balancerPid: evener.pid, stdout: () => stdout };
}

roadTests(road);
