import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseLoadReport } from '../../src/http1/load-report.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

function configured(t: TestContext, config: object): EvenerProcess {
  const folder = mkdtempSync(join(tmpdir(), 'evo-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  return new EvenerProcess(t, [], { cwd: folder });
}

/** The load report of an answer; '' where it has none. */
function reported(url: string, format: string | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = format === null ? {} : { 'Endpoint-Load-Metrics-Format': format };
    http
      .get(url, { agent: false, headers }, (response) => {
        response.resume();
        const { 'endpoint-load-metrics': load, 'endpoint-load-metrics-bin': binary } = response.headers;
        resolve(String(load ?? binary ?? ''));
      })
      .on('error', reject);
  });
}

test('a server that says it is busy gets less, and clients hear nothing of it', async (t) => {
  const busy = await ServerProcess.start(t, 'busy', { LOAD: 'TEXT cpu_utilization=0.9,rps_fractional=100' });
  const idle = await ServerProcess.start(t, 'idle', { LOAD: 'JSON {"applicationUtilization":0.1,"rps":100}' });
  const listen = '127.0.0.1:0';
  const pool = { servers: [busy.url, idle.url], listen, policy: 'round-robin' };
  const url = await configured(t, { pools: { api: pool } }).url(0);
  const answers: string[] = [];
  const { headers } = await request(url);
  assert.equal(headers['endpoint-load-metrics'], undefined);
  // Nine times as much can the one do, and that is known some seconds after the first report.
  await until(
    () => `the idle one to get most, of ${answers.slice(-20)}`,
    async () => {
      answers.push((await request(url)).body);
      return answers.slice(-20).filter((name) => name === 'idle').length >= 17;
    },
    60_000,
  );
});

test('prequal hears of a server that others keep busy', async (t) => {
  const theirs = await ServerProcess.start(t, 'theirs', { LOAD: 'TEXT named_metrics.in_flight=50' });
  const free = await ServerProcess.start(t, 'free', { LOAD: 'TEXT named_metrics.in_flight=0' });
  const pool = { servers: [theirs.url, free.url], listen: '127.0.0.1:0', policy: 'prequal' };
  const url = await configured(t, { pools: { api: pool } }).url(0);
  let counts: Record<string, number> = {};
  // Several at once, for a report is soon old: where the machine stands still for a moment, too old for all that follow.
  const ask = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) counts[(await request(`${url}/slow?ms=5`)).body]!++;
  };
  await until(
    () => `the other to get least: ${JSON.stringify(counts)}`,
    async () => {
      counts = { theirs: 0, free: 0 };
      await Promise.all(Array.from({ length: 8 }, ask));
      return counts.theirs! < counts.free! / 2;
    },
  );
});

test('an app tells its load to those that ask, in the form they ask for', async (t) => {
  const app = join(APPS, 'server.cjs');
  const url = await configured(t, { app, workers: 1, port: 0, reportLoad: 'asked' }).url(1);
  assert.equal(await reported(url, null), '');
  await until('the first two looks', async () => /^TEXT cpu_utilization=/.test(await reported(url, 'TEXT')));
  assert.match(await reported(url, 'json'), /^JSON \{"cpu_utilization":.*"named_metrics":\{"in_flight":1\}/);
  const binary = parseLoadReport('', await reported(url, 'BIN'));
  assert.ok(binary !== null && binary.memUtilization > 0 && binary.memUtilization < 1);
  assert.equal(await reported(url, 'xml'), '');
});

test('Evener behind Evener is asked, and what it says is not passed on unless that is wanted', async (t) => {
  const app = join(APPS, 'server.cjs');
  const inner = await configured(t, { app, workers: 1, port: 0, reportLoad: 'asked' }).url(1);
  await until('a first report', async () => (await reported(inner, 'TEXT')) !== '');
  const server = inner.replace('localhost', '127.0.0.1');
  const outer = async (loadReports: string): Promise<string> => {
    const pool = { servers: [server], listen: '127.0.0.1:0', loadReports };
    return configured(t, { pools: { api: pool } }).url(0);
  };
  assert.equal(await reported(await outer('ask'), null), '');
  assert.match(await reported(await outer('pass'), 'TEXT'), /^TEXT /);
});
