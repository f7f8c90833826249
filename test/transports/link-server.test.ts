import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Clock } from '../../src/core/clock.ts';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { LinkServer, type LinkServerEvents } from '../../src/transports/link-server.ts';

const NOBODY: LinkServerEvents = {
  onLinked: () => {},
  onListen: () => true,
  onUnlisten: () => {},
  onConnectionClosed: () => {},
  onProbes: () => {},
  onIdle: () => {},
  onMetrics: () => {},
  onStalled: () => {},
  onTurning: () => {},
  onRecovered: () => {},
  onUnlinked: () => {},
};

test('a socket that was removed is opened again, also where that has failed before', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-link-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'link.sock');
  const server = new LinkServer(new FlushTurn(), new Clock(), NOBODY);
  await server.listen(path);
  t.after(() => server.close());
  rmSync(folder, { recursive: true });
  await assert.rejects(server.reopen());
  await assert.rejects(server.reopen());
  mkdirSync(folder);
  await server.reopen();
  const socket = net.connect(path);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  // It is there.
  await server.reopen();
  server.close();
  await server.reopen();
  await assert.rejects(once(net.connect(path), 'connect'));
});
