import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClientConnection, ClientRegistry } from '../../src/clients/client-context.ts';
import { Clock } from '../../src/core/clock.ts';

test('gives no connection the number of one that is still open when numbers go round', () => {
  const clients = new ClientRegistry(new Clock(), () => {}, 2 ** 32 - 3);
  clients.add({ id: 1 } as ClientConnection);
  clients.add({ id: 2 ** 32 - 1 } as ClientConnection);
  assert.deepEqual(
    [0, 1, 2].map(() => clients.nextId()),
    [2 ** 32 - 2, 2, 3],
  );
});
