import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminOf, ask, verb } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { RawServer } from '../support/raw-server.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

/** A server that answers what is not HTTP, while it is sick. */
class Patient {
  isSick = true;
  served = 0;
  readonly #server: RawServer;

  private constructor(server: RawServer) {
    this.#server = server;
    server.server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => {
        this.served++;
        socket.end(this.isSick ? 'HTTP/1.1 two hundred\r\n\r\n' : answer('mended'));
      });
    });
  }

  static async start(t: TestContext): Promise<Patient> {
    return new Patient(await RawServer.listen(t));
  }

  get url(): string {
    return this.#server.url;
  }
}

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evo-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function proxied(t: TestContext, servers: readonly string[], outlier: object | 'off') {
  const folder = temporary(t);
  const config = { admin: '127.0.0.1:0', pools: { api: { servers, listen: '127.0.0.1:0', outlier } } };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  return { evener, url: await evener.url(0), admin: await adminOf(evener) };
}

/** Asks, four at a time, until the condition holds. @returns how often each status came */
async function askUntil(what: string, url: string, isOver: () => boolean): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  await until(what, async () => {
    for (const { status } of await Promise.all(Array.from({ length: 4 }, () => request(url)))) {
      counts[status] = (counts[status] ?? 0) + 1;
    }
    return isOver();
  });
  return counts;
}

test('of four servers the one that answers nonsense is taken out, told of, and comes back', async (t) => {
  const patient = await Patient.start(t);
  const good = await Promise.all(['s0', 's1', 's2'].map((name) => ServerProcess.start(t, name)));
  const urls = [...good.map(({ url }) => url), patient.url];
  const { evener, url, admin } = await proxied(t, urls, { time: '10s', maxTime: '10s' });
  const out = /server http:\S+ gets no requests for 10 s: 5 failures in a row/;
  const before = await askUntil('it to be taken out', url, () => out.test(evener.stderr));
  assert.ok(before[502]! >= 5 && before[200]! > 0);
  const { servedThen, status } = await seenWhileOut(evener, patient);
  assert.match(status, new RegExp(`${patient.url.replaceAll('.', '\\.')}\\S* +ejected|ejected`));
  const metrics = await ask(`${admin}metrics`, 'GET');
  assert.match(metrics.body, /^evener_ejections_total\{app="api",cause="consecutive-failures"\} [1-9]/m);
  patient.isSick = false;
  await evener.said(/gets requests again after/);
  await askUntil('it to be asked again', url, () => patient.served > servedThen);
  const { body } = await ask(`${admin}incidents`, 'GET');
  const [incident] = JSON.parse(body).incidents.filter(({ kind }: { kind: string }) => kind === 'endpoint-ejected');
  assert.match(incident.cause, /5 failures in a row/);
  assert.equal(incident.recovery, 'it gets requests again');
  assert.equal(incident.evidence.server, patient.url);
});

/** What is told of it, and how many requests it has had by then. */
async function seenWhileOut(evener: EvenerProcess, patient: Patient): Promise<{ servedThen: number; status: string }> {
  const servedThen = patient.served;
  const { stdout } = await verb(evener, ['status']);
  return { servedThen, status: stdout };
}

test('of two servers one is taken out, and used again at once when the other dies', async (t) => {
  const patient = await Patient.start(t);
  const good = await ServerProcess.start(t, 'good');
  const { evener, url } = await proxied(t, [good.url, patient.url], { time: '10m', maxTime: '10m' });
  await askUntil('it to be taken out', url, () => /gets no requests for/.test(evener.stderr));
  assert.equal((await request(url)).body, 'good');
  patient.isSick = false;
  await good.kill();
  const answers = await Promise.all(Array.from({ length: 4 }, () => request(url)));
  assert.deepEqual(
    answers.map(({ status, body }) => `${status} ${body}`),
    new Array(4).fill('200 mended'),
  );
  await evener.said(/gets requests again after .*, for nobody else is left/);
});

test('never more than half are out', async (t) => {
  const patients = await Promise.all(Array.from({ length: 3 }, () => Patient.start(t)));
  const good = await ServerProcess.start(t, 'good');
  const urls = [good.url, ...patients.map((one) => one.url)];
  const { evener, url } = await proxied(t, urls, { time: '10m', maxTime: '10m' });
  await askUntil('two to be taken out', url, () => evener.count(/gets no requests for/) === 2);
  const before = patients.map(({ served }) => served);
  await askUntil(
    'the third to fail on',
    url,
    () => patients.filter((one, i) => one.served > before[i]! + 10).length > 0,
  );
  assert.equal(evener.count(/gets no requests for/), 2);
});

test('a worker that answers badly is taken out, and comes back; that can be set and switched off live', async (t) => {
  const folder = temporary(t);
  const file = join(folder, 'evener.config.json');
  const app = join(APPS, 'sickly.cjs');
  const env = { SICK: '1', MENDED: join(folder, 'mended') };
  const write = (outlier: object | 'off'): void => {
    writeFileSync(file, JSON.stringify({ app, workers: 3, env, outlier }));
  };
  write('off');
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(3);
  let asked = 0;
  const off = await askUntil('some requests', url, () => ++asked > 20);
  assert.ok(off[502]! > 5, 'it gets its share for all that it fails');
  assert.equal(evener.count(/gets no requests for/), 0);
  write({ time: '1s', maxTime: '1s' });
  evener.kill('SIGHUP');
  await askUntil('it to be taken out', url, () => /worker 1 gets no requests for 1 s: 5 failures/.test(evener.stderr));
  writeFileSync(env.MENDED, '');
  await evener.said(/worker 1 gets requests again after/);
  const served = new Set<string>();
  await until('it to serve again', async () => served.add((await request(url)).body).has('1'));
});

test('answers of 500 count where the config says so', async (t) => {
  const bad = http.createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => bad.listen(0, '127.0.0.1', resolve));
  t.after(() => bad.close());
  const { port } = bad.address() as { port: number };
  const good = await ServerProcess.start(t, 'good');
  const { evener, url } = await proxied(t, [good.url, `http://127.0.0.1:${port}`], { statuses: [500, '502-504'] });
  const counts = await askUntil('it to be taken out', url, () => /gets no requests for 30 s/.test(evener.stderr));
  assert.ok(counts[500]! >= 5);
  assert.equal((await request(url)).body, 'good');
});
