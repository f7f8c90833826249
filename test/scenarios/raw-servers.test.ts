import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import type { Cleanup } from '../support/cleanup.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

interface RawServers {
  readonly evener: EvenerProcess;
  port(name: string): Promise<number>;
  /** Process ids, one for each connection that an app has met. */
  met(): string[];
}

async function rawServers(cleanup: Cleanup, workers: number, ...options: string[]): Promise<RawServers> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-raw-'));
  cleanup.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'met');
  const evener = new EvenerProcess(cleanup, ['raw-servers.cjs', '-w', String(workers), ...options, '--', file]);
  await evener.saidTimes(/worker \d+ ready/, workers);
  // Both of a kept pair have listened everywhere once each has told of all its ports.
  await until('all ports', () => evener.stdout.split('"http2-secure"').length > workers);
  const port = (name: string): Promise<number> =>
    until(`the port of ${name}`, () => Number(new RegExp(`"${name}",(\\d+)`).exec(evener.stdout)?.[1]) || null);
  return { evener, port, met: () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []) };
}

/** Those that several tests share. */
const one = startedOnce((cleanup) => rawServers(cleanup, 1));
const two = startedOnce((cleanup) => rawServers(cleanup, 2));

function connect(t: TestContext, port: number): Promise<RawClient> {
  return RawClient.connect(t, `tcp://127.0.0.1:${port}`);
}

async function line(client: RawClient): Promise<string> {
  let line = '';
  while (!line.endsWith('\n')) line += (await client.read(1)).toString();
  return line.trim();
}

test('deals connections of a net.Server out to workers', async (t) => {
  const { evener, port } = await two();
  assert.match(evener.stderr, /listening on tcp:\/\/127\.0\.0\.1:\d+/);
  const clients: RawClient[] = [];
  const counts = new Map<string, number>();
  // One that is slow to take a connection on a busy machine is passed over for the next.
  await until(
    () => `each to have two of ${clients.length}: ${JSON.stringify([...counts])}`,
    async () => {
      const client = await connect(t, await port('net'));
      const [pid, remotePort] = (await line(client)).split(' ');
      assert.equal(Number(remotePort), client.socket.localPort);
      clients.push(client);
      counts.set(pid!, (counts.get(pid!) ?? 0) + 1);
      return clients.length >= 6 && counts.size === 2 && Math.min(...counts.values()) >= 2;
    },
  );
  assert.ok(clients.length <= 24, `${clients.length} for two each: ${JSON.stringify([...counts])}`);
  for (const [i, client] of clients.entries()) client.write(`to ${i}`);
  for (const [i, client] of clients.entries()) assert.equal(String(await client.read(4)), `to ${i}`);
});

test('carries 32 MiB both ways at once, and the end of each side on its own', async (t) => {
  const { port } = await one();
  const client = await connect(t, await port('net'));
  await line(client);
  const size = 32 * 1024 * 1024;
  const bytes = Buffer.alloc(size, 'evener');
  client.write(bytes);
  client.end();
  assert.ok((await client.read(size)).equals(bytes));
  assert.equal(await client.rest(), '');
});

test('a reader that waits holds up its own connection only', async (t) => {
  const { port } = await one();
  const slow = await connect(t, await port('net'));
  slow.socket.pause();
  slow.write(Buffer.alloc(8 * 1024 * 1024));
  const quick = await connect(t, await port('net'));
  await line(quick);
  for (let i = 0; i < 10; i++) {
    quick.write('ping');
    await quick.read(4);
  }
  slow.socket.resume();
  await line(slow);
  assert.equal((await slow.read(8 * 1024 * 1024)).length, 8 * 1024 * 1024);
});

for (const name of ['tls', 'https', 'http2', 'http2-secure']) {
  test(`serves ${name}, which ends in the worker`, async (t) => {
    const { port } = await two();
    const number = await port(name);
    if (name === 'tls') {
      const socket = tls.connect({ port: number, host: '127.0.0.1', rejectUnauthorized: false });
      t.after(() => socket.destroy());
      await once(socket, 'secureConnect');
      const { localPort } = socket;
      socket.end('hello');
      assert.match(await text(socket), new RegExp(`^\\d+ ${localPort}\\nhello$`));
      return;
    }
    const seen = name === 'https' ? await overHttps(number) : await overHttp2(t, name, number);
    const isSecure = name !== 'http2';
    assert.match(seen, new RegExp(`^${name === 'https' ? '1.1' : '2.0'} \\d+ \\d+ ${isSecure}$`));
  });
}

function overHttps(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    https
      .get({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false }, (response) => resolve(text(response)))
      .on('error', reject);
  });
}

async function overHttp2(t: TestContext, name: string, port: number): Promise<string> {
  const scheme = name === 'http2' ? 'http' : 'https';
  const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  t.after(() => session.destroy());
  const answers = await Promise.all(Array.from({ length: 10 }, () => text(session.request({ ':path': '/' }))));
  // All of one connection come to one worker.
  assert.equal(new Set(answers).size, 1);
  return answers[0]!;
}

test('gives a connection that its worker died before meeting to another', async (t) => {
  const { evener, port, met } = await rawServers(t, 1);
  const [pid] = workerPids(evener);
  process.kill(pid!, 'SIGSTOP');
  const client = await connect(t, await port('net'));
  client.write('early');
  process.kill(pid!, 'SIGKILL');
  const [successor] = (await line(client)).split(' ');
  assert.notEqual(Number(successor), pid);
  assert.equal(String(await client.read(5)), 'early');
  assert.deepEqual(met(), [successor]);
});

test('closes the connections of a worker that dies, and no others', async (t) => {
  const { port } = await rawServers(t, 2);
  const clients = new Map<number, RawClient>();
  await until('connections to both', async () => {
    const client = await connect(t, await port('net'));
    clients.set(Number((await line(client)).split(' ')[0]), client);
    return clients.size === 2;
  });
  const [[victim, its], [, other]] = [...clients] as [[number, RawClient], [number, RawClient]];
  process.kill(victim, 'SIGKILL');
  assert.equal(await its.rest(), '');
  other.write('still there');
  assert.equal(String(await other.read(11)), 'still there');
});

test('lets connections end while it stops', async (t) => {
  const { evener, port } = await rawServers(t, 1, '--drain-limit', '10s');
  const client = await connect(t, await port('net'));
  await line(client);
  evener.kill('SIGTERM');
  await evener.said(/stopping/);
  client.write('last');
  assert.equal(String(await client.read(4)), 'last');
  client.end();
  assert.equal(await client.rest(), '');
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});

test('connections that their app resets after its end are closed, and hold up no stop', async (t) => {
  const evener = new EvenerProcess(t, ['late-reset.cjs', '-w', '1']);
  const [, port] = await evener.said(/listening on tcp:\/\/\S+:(\d+)/);
  await evener.saidTimes(/worker \d+ ready/, 1);
  const clients: RawClient[] = [];
  for (let i = 0; i < 4; i++) clients.push(await connect(t, Number(port)));
  // They take a part of it, and then nothing until it is over.
  for (const { socket } of clients) socket.once('data', () => socket.pause());
  await sleep(1000);
  for (const { socket } of clients) socket.resume();
  for (const client of clients) await client.ended();
  evener.kill('SIGTERM');
  assert.equal((await evener.ended).code, 0);
});

test('a stop waits for no HTTP/2 session, and no kept connection of https, that has nothing to do', async (t) => {
  const { evener, port } = await rawServers(t, 2, '--drain-limit', '30s');
  const trust = { rejectUnauthorized: false };
  const agent = new https.Agent({ keepAlive: true, ...trust });
  t.after(() => agent.destroy());
  const asked = https.get({ port: await port('https'), host: '127.0.0.1', agent });
  const [answer] = (await once(asked, 'response')) as [http.IncomingMessage];
  await text(answer);
  const sessions: http2.ClientHttp2Session[] = [];
  for (const [scheme, name] of [
    ['http', 'http2'],
    ['https', 'http2-secure'],
  ] as const) {
    const session = http2.connect(`${scheme}://127.0.0.1:${await port(name)}`, trust);
    t.after(() => session.destroy());
    session.on('error', () => {});
    sessions.push(session);
    await text(session.request({ ':path': '/' }));
  }
  const closed = sessions.map((session) => once(session, 'close'));
  const goaways = sessions.map((session) => once(session, 'goaway'));
  const startedAt = performance.now();
  evener.kill('SIGTERM');
  assert.equal((await evener.ended).code, 0);
  await Promise.all([...closed, ...goaways]);
  assert.ok(performance.now() - startedAt < 20_000, 'well before the limit');
});
