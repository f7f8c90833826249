import assert from 'node:assert/strict';
import { test } from 'node:test';
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
