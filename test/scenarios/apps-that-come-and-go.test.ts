import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { assertEnding, EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

/** Its second worker is slow to end. */
const APP = `
const endMs = process.env.EVENER_WORKER_ID === '1' ? Number(process.env.END_MS) : 0;
process.on('SIGTERM', () => setTimeout(() => process.exit(), endMs));
require('node:http').createServer((request, response) => response.end(String(process.pid))).listen(process.env.PORT);
`;

interface Come {
  readonly evener: EvenerProcess;
  /** Of the app that comes and goes. */
  readonly url: string;
  /** Writes the config with it, or without. @param app its script */
  configure(isThere: boolean, app?: string): void;
}

/** One app that stays, and one of two workers. */
async function start(context: TestContext, endMs: number): Promise<Come> {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'app.cjs'), APP);
  const port = await freePort();
  const stays = { app: 'app.cjs', workers: 1, env: { PORT: '0' } };
  const env = { PORT: String(port), END_MS: String(endMs) };
  const configure = (isThere: boolean, app = 'app.cjs'): void => {
    const apps = isThere ? { stays, comes: { app, workers: 2, env } } : { stays };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ apps }));
  };
  configure(true);
  const evener = new EvenerProcess(context, [], { cwd: folder });
  await evener.saidTimes(/worker (stays|comes):\d ready/, 3);
  writeFileSync(join(folder, 'fails.cjs'), 'process.exit(3);');
  return { evener, url: `http://127.0.0.1:${port}`, configure };
}

async function accepts(url: string): Promise<boolean> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  const isThere = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  socket.destroy();
  return isThere;
}

test('the port of an app that a reload takes out is closed, and opened again when it comes back', async (context) => {
  const { evener, url, configure } = await start(context, 0);
  configure(false);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  await until('the port to be closed', async () => !(await accepts(url)));
  configure(true);
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 2);
  assert.equal((await request(url)).status, 200);
});

test('an app that comes back while workers of before are ending is looked after as any other', async (context) => {
  const { evener, url, configure } = await start(context, 1_500);
  configure(false);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  configure(true);
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 2);
  await evener.said(/worker comes:1 \(pid \d+\) ended/);
  // Its workers are replaced with the others.
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 3);
  const { body: pid } = await request(url);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.ok(!isRunning(Number(pid)));
});

test('an app that comes, or goes, does not make the others unready, and is not scaled while it goes', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const app = `
    const { existsSync } = require('node:fs');
    const when = (file, act) => (existsSync(file) ? act() : setTimeout(when, 20, file, act));
    const server = require('node:http').createServer((request, response) => when('end', () => response.end('at last')));
    when(process.env.START, () => server.listen(process.env.PORT));
  `;
  writeFileSync(join(folder, 'app.cjs'), app);
  const port = await freePort();
  const configure = (more: object): void => {
    const stays = { app: 'app.cjs', workers: 1, env: { PORT: '0', START: 'app.cjs' } };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ apps: { stays, ...more } }));
  };
  configure({});
  const evener = new EvenerProcess(context, [], { cwd: folder });
  await evener.url();
  const control = await controlOf(evener);
  const isReady = async (): Promise<boolean> => (await control.get<{ ok: boolean }>('/readyz')).ok;
  const has = async (state: string, inFlight: number): Promise<boolean> => {
    const { workers } = await control.get<Status>('/status');
    return workers.some((one) => one.app === 'comes' && one.state === state && one.inFlight === inFlight);
  };

  configure({ comes: { app: 'app.cjs', workers: 1, env: { PORT: String(port), START: 'start' } } });
  evener.kill('SIGHUP');
  await until('it to start', () => has('starting', 0));
  assert.ok(await isReady());
  writeFileSync(join(folder, 'start'), '');
  await evener.said(/reload done/);
  assert.ok(await isReady());

  const answer = request(`http://127.0.0.1:${port}`);
  await until('it to have a request', () => has('ready', 1));
  configure({});
  evener.kill('SIGHUP');
  await until('it to go', () => has('draining', 1));
  assert.ok(await isReady());
  const { apps } = await control.post<Pick<Status, 'apps'>>('/scale', { by: 1 });
  assert.deepEqual(
    apps.map(({ name, workers }) => [name, workers.wanted]),
    [
      ['stays', 2],
      ['comes', 0],
    ],
  );
  const one = await verb(evener, ['scale', '1'], folder);
  assert.equal(one.code, 0, one.stderr);
  writeFileSync(join(folder, 'end'), '');
  assert.equal((await answer).body, 'at last');
  await evener.saidTimes(/reload done/, 2);
});

test('an app that a reload brings and that cannot start makes the reload fail, and nothing else', async (context) => {
  const { evener, url, configure } = await start(context, 0);
  configure(false);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  configure(true, 'fails.cjs');
  evener.kill('SIGHUP');
  await evener.said(/reload failed, the workers of before go on: fails.cjs ended before it listened: exit code 3/);
  configure(true);
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 2);
  assert.equal((await request(url)).status, 200);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('the port of an app that a reload moves to another is closed, and one that its workers leave for a moment is not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  // Its second port comes late, as of an app that waits for a database.
  const app = `
    const listen = (port) => require('node:http').createServer((request, response) => response.end('here')).listen(port);
    listen(process.env.PORT);
    setTimeout(listen, 1_000, process.env.LATER);
  `;
  writeFileSync(join(folder, 'app.cjs'), app);
  const [before, after, later] = [await freePort(), await freePort(), await freePort()];
  const configure = (port: number): void => {
    const config = { app: 'app.cjs', name: 'moves', workers: 1, port, env: { LATER: String(later) } };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  };
  configure(before);
  const evener = new EvenerProcess(context, [], { cwd: folder });
  await evener.saidTimes(/listening on/, 2);
  configure(after);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  const url = (port: number): string => `http://127.0.0.1:${port}`;
  assert.equal((await request(url(later))).body, 'here', 'it waits for the worker that will listen there');
  assert.equal((await request(url(after))).body, 'here');
  await until('the port of before to be closed', async () => !(await accepts(url(before))));
  assert.equal((await request(url(later))).body, 'here');
  const status = await verb(evener, ['status', '--json'], folder);
  const { apps } = JSON.parse(status.stdout) as { apps: { addresses: string[] }[] };
  assert.deepEqual(apps[0]!.addresses.sort(), [after, later].map((port) => `http://localhost:${port}`).sort());
});
