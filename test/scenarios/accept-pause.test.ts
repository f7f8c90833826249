import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { adminOf, ask } from '../support/control.ts';
import { APPS, EvenerProcess, isRunning } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

/** So many descriptors that there is room for some dozens of clients. */
const LAUNCHER = ['/bin/sh', '-c', 'ulimit -n 160; exec "$@"', 'sh'];

interface Crowded {
  readonly evener: EvenerProcess;
  readonly url: string;
  readonly admin: string;
  /** Clients with a request in flight, as many as there may be. */
  readonly busy: RawClient[];
  /** Answers all of them. */
  release(): void;
}

/** Every connection that descriptors allow is taken, and none of them idle. */
async function crowded(t: TestContext): Promise<Crowded> {
  const folder = mkdtempSync(join(tmpdir(), 'evp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const gate = join(folder, 'gate');
  const args = [join(APPS, 'deliveries.cjs'), '--workers', '1', '--port', '0', '--admin', '127.0.0.1:0'];
  const evener = new EvenerProcess(t, [...args, '--', '/dev/null'], { launcher: LAUNCHER });
  const [url, admin] = [await evener.url(1), await adminOf(evener)];
  const busy: RawClient[] = [];
  // One after the other; who is told that there is no room has come before the sockets were kept elsewhere.
  while ((await counted(admin, 'evener_accept_pauses_total')) === 0) {
    const client = await RawClient.connect(t, url);
    client.write(`GET /?hold=${encodeURIComponent(gate)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const outcome = await until('it to be in flight, refused, or not accepted', async () => {
      if (client.bytes > 0 || client.socket.destroyed) return 'refused';
      const text = await metrics(admin);
      const inFlight = Number(/^evener_requests_in_flight\{\S*\} (\d+)$/m.exec(text)![1]);
      if (inFlight > busy.length) return 'in flight';
      return /^evener_accept_pauses_total [1-9]/m.test(text) && 'not accepted';
    });
    if (outcome === 'in flight') busy.push(client);
    assert.ok(busy.length < 160, 'no pause');
  }
  return { evener, url, admin, busy, release: () => writeFileSync(gate, '') };
}

async function metrics(admin: string): Promise<string> {
  return (await ask(`${admin}metrics`, 'GET')).body;
}

async function counted(admin: string, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await metrics(admin))![1]);
}

/** The process that keeps the sockets meanwhile. */
function holderOf({ pid }: EvenerProcess): number | null {
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const children = textOf(`/proc/${pid}/task/${task}/children`).trim().split(' ');
    for (const child of children) {
      if (child !== '' && textOf(`/proc/${child}/cmdline`).includes('socket-holder')) return Number(child);
    }
  }
  return null;
}

/** '' of what has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('where descriptors are used up newcomers wait for those that are served, and are let in then', async (t) => {
  const { evener, url, busy, release } = await crowded(t);
  const waiting = await RawClient.connect(t, url);
  waiting.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  release();
  for (const client of busy) {
    assert.equal((await client.response()).status, 200);
    client.socket.destroy();
  }
  // By then it may have been told that there is no room, if this machine was slow.
  await until('clients to be served again', async () => {
    const client = await RawClient.connect(t, url);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    return (await client.response()).status === 200;
  });
  const { status } = await waiting.response();
  assert.ok(status === 200 || status === 503, `${status}`);
  await evener.said(/open files allow \(ulimit -n\); idle ones are closed for others; where none is, accepting pauses/);
  await evener.said(/room again; .* accepting paused (once|[1-9]\d* times)/);
});

test('who has waited for a second is told that there is no room', async (t) => {
  const { evener, url } = await crowded(t);
  const { status } = await until('somebody to be told', async () => {
    const client = await RawClient.connect(t, url);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    return client.response();
  });
  assert.equal(status, 503);
  assert.ok(!evener.hasEnded);
});

test('a socket whose keeper is killed is opened again', async (t) => {
  const { evener, url, busy, release } = await crowded(t);
  const keeper = await until('its keeper', () => holderOf(evener));
  process.kill(keeper, 'SIGKILL');
  release();
  for (const client of busy) client.socket.destroy();
  await until('clients to be served again', async () => {
    const client = await RawClient.connect(t, url).catch(() => null);
    client?.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const answer = await client?.response().catch(() => null);
    return answer?.status === 200;
  });
});

test('the keeper ends with Evener, also with one that is killed, and its port is free', async (t) => {
  const { evener, url } = await crowded(t);
  const keeper = await until('its keeper', () => holderOf(evener));
  evener.kill('SIGKILL');
  await evener.ended;
  await until('the keeper to end', () => !isRunning(keeper));
  // A process of several threads is seen to have ended a moment before the last of them lets go of its descriptors.
  await until('its port to be free', () => {
    return RawClient.connect(t, url).then(
      () => false,
      ({ code }: NodeJS.ErrnoException) => code === 'ECONNREFUSED',
    );
  });
});
