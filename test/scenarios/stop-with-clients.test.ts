import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

for (const [machine, clientsAtOnce, busyMs] of [
  ['', 200, 0],
  [', on a machine that is busy with much else', 400, 1_500],
] as const) {
  test(`a stop serves all clients whose connections were complete, accepted or not${machine}`, async (t) => {
    const evener = new EvenerProcess(t, ['server.cjs', '--workers', '1']);
    const url = await evener.url(1);
    // Nobody accepts meanwhile: all of them wait in the kernel's queue when it is told to stop.
    evener.kill('SIGSTOP');
    const clients: RawClient[] = [];
    while (clients.length < clientsAtOnce) {
      const client = await RawClient.connect(t, url);
      client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      clients.push(client);
    }
    evener.kill('SIGTERM');
    const statuses = Promise.all(clients.map(async (client) => (await client.response()).status));
    // It gets a moment now and then.
    for (const endMs = performance.now() + busyMs; performance.now() < endMs && !evener.hasEnded; ) {
      evener.kill('SIGCONT');
      await sleep(1);
      evener.kill('SIGSTOP');
      await sleep(60);
    }
    evener.kill('SIGCONT');
    assert.deepEqual(new Set(await statuses), new Set([200]));
    assert.deepEqual(await evener.ended, { code: 0, signal: null });
  });
}

/** Asks again and again over one connection, until the answer says that it was the last. */
async function askToTheLast(client: RawClient, onAnswer: () => void): Promise<void> {
  for (;;) {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { status, head } = await client.response();
    assert.equal(status, 200);
    if (/^Connection: close\r$/m.test(head)) return;
    onAnswer();
  }
}

test('a stop loses no request of clients whose next one is on its way', async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '--workers', '2']);
  const url = await evener.url(2);
  const clients = await Promise.all(Array.from({ length: 60 }, () => RawClient.connect(t, url)));
  const counts = clients.map(() => 0);
  const ended = Promise.all(clients.map((client, i) => askToTheLast(client, () => counts[i]!++)));
  await Promise.race([ended, until('each to be at its next', () => counts.every((count) => count > 0))]);
  evener.kill('SIGTERM');
  await ended;
  assert.deepEqual(await evener.ended, { code: 0, signal: null });
});
