import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortOpener, type PortOpenerHost } from '../../src/balancer/port-opener.ts';
import type { FromBalancer, OpenedPort } from '../../src/channel/messages.ts';
import type { Listener } from '../../src/clients/listener.ts';
import { FrameFlag, FrameType, type ListenRequest } from '../../src/link/frames.ts';
import { until } from '../support/until.ts';
import { dialAsWorker, startBalancer } from './started-balancer.ts';

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
  opener.adopt(refused, true);
  assert.equal(await first, refused.answer);

  const second = joins(opener);
  opener.adopt(opened, true);
  assert.equal(await second, opened.answer);
  // Whoever comes later joins it there.
  assert.equal(await joins(opener), opened.answer);
});

test('a thread that closes a port which thread 0 keeps joins it there again', async () => {
  const answer = { ok: true, address: PATH, port: -1, family: 'unix' } as const;
  const [first, again, later] = [1, 2, 3].map((): OpenedPort => ({ key: KEY, fd: -1, answer: { ...answer } }));
  const host = { thread: 1, threads: 2, activated: [], opened: new Map() } as unknown as PortOpenerHost;
  const opener = new PortOpener(host);
  opener.adopt(first!, false);
  assert.equal(await joins(opener), first!.answer);
  // While it is about to close its own.
  opener.adopt(again!, false);
  opener.forget(KEY);
  assert.equal(await joins(opener), again!.answer);
  // Once thread 0 has closed it as well there is nothing to join before it is opened anew.
  opener.forget(KEY);
  const opened = joins(opener);
  opener.adopt(later!, true);
  assert.equal(await opened, later!.answer);
});

test('thread 0 tells nothing of a port that was closed before the system had opened it', async () => {
  const told: FromBalancer[] = [];
  const host = { thread: 0, threads: 2, activated: [], opened: new Map(), tell: (one: FromBalancer) => told.push(one) };
  const opener = new PortOpener({ ...host, pause: { freed: async () => {} } } as unknown as PortOpenerHost);
  const open = (descriptor: number) => {
    const listener = { listen: async () => PATH, descriptor } as unknown as Listener;
    return opener.open(KEY, listener, { path: PATH } as ListenRequest);
  };
  const first = open(1);
  opener.forget(KEY);
  const second = open(2);
  assert.ok((await first).ok && (await second).ok);
  assert.deepEqual(
    told.map((message) => (message.type === 'port-opened' ? message.opened.fd : null)),
    [2],
  );
});

test('thread 0 tells of a port that it was about to close and keeps: others may have closed theirs', async (context) => {
  const started = await startBalancer(context, {}, 2);
  const worker = await dialAsWorker(context, started);
  const opened = () => started.told.flatMap((message) => (message.type === 'port-opened' ? [message.opened] : []));
  worker.listen(1);
  await until('the port to be opened', () => opened().length === 1);
  worker.writer.text(FrameType.Unlisten, FrameFlag.None, 1, '');
  worker.listen(2);
  await until('the port to be told of again', () => opened().length === 2);
  assert.deepEqual(opened()[1], opened()[0]);
});
