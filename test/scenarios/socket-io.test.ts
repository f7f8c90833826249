import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { startedOnce } from '../support/started-once.ts';
import { until } from '../support/until.ts';
import { type SocketIoClient, SocketIoClients, type SocketIoTransports } from './support/socket-io-client.ts';

const APP = 'socket-io.cjs';
const CLIENTS = 12;
const MESSAGES = 8;

/** Which worker each client talks to, having asked several times. */
async function workersOf(clients: readonly SocketIoClient[]): Promise<number[]> {
  return Promise.all(
    clients.map(async (client) => {
      const first = await client.who('0');
      for (let i = 1; i < MESSAGES; i++)
        assert.equal(await client.who(String(i)), first, JSON.stringify(client.losses));
      assert.notEqual(first, null);
      return first!;
    }),
  );
}

/** Clients whose sessions are with several workers: on a busy machine one may be passed over for a moment. */
function spreadOver(context: TestContext, url: string, transports: SocketIoTransports): Promise<SocketIoClient[]> {
  return until('sessions with several workers', async () => {
    const clients = await new SocketIoClients(context).connect(CLIENTS, url, transports);
    return new Set(await workersOf(clients)).size > 1 ? clients : null;
  });
}

function assertUndisturbed(clients: readonly SocketIoClient[]): void {
  for (const { losses } of clients) assert.deepEqual(losses, []);
}

describe('Socket.IO over four workers, with nothing set and no cookie', () => {
  const ways: readonly [string, SocketIoTransports, string][] = [
    ['long polling', ['polling'], 'polling'],
    ['long polling that becomes a WebSocket', ['polling', 'websocket'], 'websocket'],
    ['a WebSocket from the start', ['websocket'], 'websocket'],
  ];
  const usual = startedOnce((cleanup) => new EvenerProcess(cleanup, ['-w', '4', APP]).url(4));
  for (const [name, transports, inTheEnd] of ways) {
    test(`keeps sessions by ${name} where they are`, async (context) => {
      const url = await usual();
      const clients = await spreadOver(context, url, transports);
      for (const client of clients) await until('the upgrade', () => client.transport === inTheEnd);
      await workersOf(clients);
      assertUndisturbed(clients);
    });
  }

  test('keeps them where a second balancer thread gets some of the requests', async (context) => {
    const sockets = new SocketIoClients(context);
    const evener = new EvenerProcess(context, ['-w', '4', '--threads', '2', APP]);
    const clients = await sockets.connect(2 * CLIENTS, await evener.url(4), ['polling']);
    await workersOf(clients);
    assertUndisturbed(clients);
  });

  test('lets those of a worker that dies begin anew elsewhere, and the others be', async (context) => {
    const sockets = new SocketIoClients(context);
    const evener = new EvenerProcess(context, ['-w', '4', APP]);
    const clients = await sockets.connect(CLIENTS, await evener.url(4), ['polling']);
    const before = await workersOf(clients);
    const victim = before[0]!;
    process.kill(victim, 'SIGKILL');
    await evener.said(new RegExp(`worker \\d+ \\(pid ${victim}\\) died|pid ${victim}`));
    for (const [i, client] of clients.entries()) {
      if (before[i] !== victim) continue;
      await until('its session to be lost', () => client.losses.length > 0);
      await client.connected();
    }
    const after = await workersOf(clients);
    assert.equal(after.includes(victim), false);
    clients.forEach((client, i) => {
      if (before[i] === victim) return;
      assert.deepEqual(client.losses, []);
      assert.equal(after[i], before[i]);
    });
  });

  test('keeps them over a reload of nothing but limits', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'evs-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const config = (queueLimit: number): void =>
      writeFileSync(
        join(folder, 'evener.config.json'),
        JSON.stringify({ app: join(APPS, APP), workers: 4, queueLimit }),
      );
    config(100);
    const sockets = new SocketIoClients(context);
    const evener = new EvenerProcess(context, ['--config', join(folder, 'evener.config.json')]);
    const clients = await sockets.connect(CLIENTS, await evener.url(4), ['polling']);
    const before = await workersOf(clients);
    config(200);
    process.kill(evener.pid, 'SIGHUP');
    await evener.said(/reload/);
    assert.deepEqual(await workersOf(clients), before);
    assertUndisturbed(clients);
  });
});

test('Socket.IO loses sessions by long polling where stickiness is off', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evs-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, 'evener.config.json'),
    JSON.stringify({ app: join(APPS, APP), workers: 4, sticky: 'off', drainLimit: '1s' }),
  );
  const sockets = new SocketIoClients(context);
  const evener = new EvenerProcess(context, ['--config', join(folder, 'evener.config.json')]);
  const url = await evener.url(4);
  const clients = sockets.open(CLIENTS, url, ['polling']);
  await until('a session to be lost', () => clients.some(({ losses }) => losses.length > 0));
});
