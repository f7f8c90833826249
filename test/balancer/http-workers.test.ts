import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Balancer } from '../../src/balancer/balancer.ts';
import type { FromBalancer } from '../../src/channel/messages.ts';
import { request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { startBalancer } from './started-balancer.ts';

interface Rig {
  readonly balancer: Balancer;
  readonly told: readonly FromBalancer[];
  /** A worker accepts connections there. */
  serve(worker: number, isHeld?: boolean, url?: string): void;
}

async function rig(context: TestContext): Promise<Rig> {
  const { balancer, meters, pool, told } = await startBalancer(context);
  const serve = (worker: number, isHeld = false, url = 'http://127.0.0.1:1'): void => {
    const address = { url, host: '127.0.0.1', port: 0, healthPath: null };
    const meter = meters.worker(worker);
    balancer.receive({ type: 'serve-worker', worker, pool, slot: 0, isHeld, meter, ...address });
  };
  return { balancer, told, serve };
}

test('a worker whose process ends while its port is being opened is not served from', async (context) => {
  const { balancer, told, serve } = await rig(context);
  serve(1);
  balancer.receive({ type: 'forget-worker', worker: 1 });
  serve(2);
  await until('the one that is still there', () =>
    told.some((message) => message.type === 'worker-listening' && message.worker === 2),
  );
  const linked = told.flatMap((message) => (message.type === 'worker-linked' ? message.worker : []));
  assert.deepEqual(linked, [2]);
});

test('what a worker is told while its port is being opened holds once it is', async (context) => {
  const { balancer, told, serve } = await rig(context);
  const served = await Promise.all([1, 2].map((worker) => answering(context, String(worker))));
  serve(1, false, served[0]);
  balancer.receive({ type: 'drain-worker', worker: 1, withinMs: 0 });
  serve(2, true, served[1]);
  balancer.receive({ type: 'admit-worker', worker: 2 });
  const port = await until('both of them', () => {
    const listening = told.flatMap((message) => (message.type === 'worker-listening' ? message.listener.port : []));
    return listening.length === 2 && listening[0];
  });
  for (let i = 0; i < 6; i++) assert.equal((await request(`http://127.0.0.1:${port}/`)).body, '2');
});

/** A server that answers with this text. @returns its url */
async function answering(context: TestContext, text: string): Promise<string> {
  const server = createServer((_request, response) => void response.end(text)).listen(0, '127.0.0.1');
  context.after(() => server.close());
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
