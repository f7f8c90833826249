import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';

test('a stop serves all clients whose connections were complete, accepted or not', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '--workers', '1']);
  const url = await evener.url(1);
  // Nobody accepts meanwhile: all of them wait in the kernel's queue when it is told to stop.
  evener.kill('SIGSTOP');
  const clients: RawClient[] = [];
  while (clients.length < 200) {
    const client = await RawClient.connect(t, url);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    clients.push(client);
  }
  evener.kill('SIGTERM');
  evener.kill('SIGCONT');
  const statuses = await Promise.all(clients.map(async (client) => (await client.response()).status));
  assert.deepEqual(new Set(statuses), new Set([200]));
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});

/** Asks again and again over one connection, until the answer says that it was the last. */
async function askToTheLast(client: RawClient): Promise<number> {
  for (let answered = 1; ; answered++) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { status, head } = await client.response();
    assert.equal(status, 200);
    if (/^Connection: close\r$/m.test(head)) return answered;
  }
}

test('a stop loses no request of clients whose next one is on its way', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '--workers', '2']);
  const url = await evener.url(2);
  const clients = await Promise.all(Array.from({ length: 60 }, () => RawClient.connect(t, url)));
  const answered = clients.map(askToTheLast);
  await sleep(200);
  evener.kill('SIGTERM');
  for (const count of await Promise.all(answered)) assert.ok(count > 1);
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});
