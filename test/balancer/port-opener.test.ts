import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortOpener, type PortOpenerHost } from '../../src/balancer/port-opener.ts';
import type { OpenedPort } from '../../src/channel/messages.ts';
import type { Listener } from '../../src/clients/listener.ts';
import type { ListenRequest } from '../../src/link/frames.ts';

const PATH = '/run/app.sock';
const KEY = `unix:${PATH}`;

/** Of a Unix socket, which thread 0 accepts on for all: there is nothing to be opened here. */
function joins(opener: PortOpener) {
  return opener.open(KEY, {} as Listener, { path: PATH } as ListenRequest);
}

test('a thread takes no refusal of before for what becomes of a port that is opened again', async () => {
  const refused: OpenedPort = { key: KEY, fd: -1, answer: { ok: false, code: 'EADDRINUSE', errno: -98, message: '' } };
  const opened: OpenedPort = { key: KEY, fd: -1, answer: { ok: true, address: PATH, port: -1, family: 'unix' } };
  const host = { thread: 1, threads: 2, activated: [], opened: new Map() } as unknown as PortOpenerHost;
  const opener = new PortOpener(host);

  const first = joins(opener);
  opener.adopt(refused);
  assert.equal(await first, refused.answer);

  const second = joins(opener);
  opener.adopt(opened);
  assert.equal(await second, opened.answer);
  // Whoever comes later joins it there.
  assert.equal(await joins(opener), opened.answer);
});
