import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { workerData } from 'node:worker_threads';
import { Balancer } from '../balancer/balancer.ts';
import { SessionTable } from '../balancing/session-table.ts';
import { CHANNEL_VERSION, type FromBalancer } from '../channel/messages.ts';
import { resolveSources } from '../config/resolve.ts';
import { Meters } from '../observability/meters.ts';
import { settingsOf } from '../supervision/balancer-threads.ts';
import type { DeskQuestion, LoopbackBirth } from './desk.ts';

// Entry of the balancer thread of a loopback: a balancer of which the process itself is the one worker.
const { linkPath, token, port, signal } = workerData as LoopbackBirth;

/** As much as a test may want: nothing is refused or timed out that Node alone would serve. */
const OPTIONS = { app: fileURLToPath(import.meta.url), name: 'loopback', queueLimit: 100_000, queueTimeout: 0 };

const source = { source: 'loopback', options: OPTIONS, folder: '/' };
const options = resolveSources([source], { env: {}, cores: () => 1, file: null });
const meters = new Meters(1);
const settings = settingsOf(options, meters);
const [pool] = settings.pools;
assert(pool !== undefined, 'options with an app make a pool');

const balancer = new Balancer(
  {
    version: CHANNEL_VERSION,
    thread: 0,
    threads: 1,
    linkPath,
    settings,
    activated: [],
    opened: new Map(),
    meter: meters.threads,
    sessions: SessionTable.memoryFor(1),
    secret: randomBytes(32).toString('base64url'),
  },
  told,
);
balancer.receive({
  type: 'expect-worker',
  worker: 0,
  pool: pool.name,
  slot: 0,
  token,
  isHeld: false,
  meter: meters.worker(0),
});

/** A worker that breaks the protocol is a fault of ours, and must be seen. */
function told(message: FromBalancer): void {
  if (message.type !== 'worker-unlinked' || message.reason !== 'protocol') return;
  process.stderr.write(`evener/loopback: ${message.detail}\n`);
}

async function answer(question: DeskQuestion): Promise<void> {
  const given = question.type === 'open' ? await balancer.openAhead(pool!.name, question.request) : null;
  if (question.type === 'close') balancer.closeAhead(question.listener);
  port.postMessage(given);
  Atomics.store(signal, 0, 1);
  Atomics.notify(signal, 0);
}

await balancer.start(linkPath);
port.on('message', (question: DeskQuestion) => void answer(question));
