import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlClient } from '../../src/control/client.ts';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { memoryOf } from '../support/memory.ts';
import { until } from '../support/until.ts';

/** Reloads and scales in a row. `npm run test:endurance` makes it 200. */
const OPERATIONS = Number(process.env.EVENER_ENDURANCE ?? 16);
/** What comes to its full size only once: compilers, buffers, first incidents. */
const WARM_UP = 8;
const CONNECTIONS = 6;

/** GETs and POSTs, by turns, on connections that are kept for good. */
class SteadyLoad {
  readonly failures: string[] = [];
  requests = 0;
  #isOver = false;
  readonly #done: Promise<unknown>;

  constructor(t: TestContext, url: string) {
    t.after(() => {
      this.#isOver = true;
    });
    this.#done = Promise.all(Array.from({ length: CONNECTIONS }, () => this.#talk(url)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#done;
  }

  async #talk(url: string): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (!this.#isOver) {
      for (const method of ['GET', 'POST']) {
        const outcome = await this.#request(agent, url, method);
        if (outcome !== '200') this.failures.push(`${method}: ${outcome}`);
        this.requests++;
      }
      await sleep(20);
    }
    agent.destroy();
  }

  #request(agent: http.Agent, url: string, method: string): Promise<string> {
    return new Promise((resolve) => {
      const request = http.request(url, { method, agent }, (response) => {
        response.resume();
        response.on('error', (error) => resolve(error.message));
        response.on('end', () => resolve(String(response.statusCode)));
      });
      request.on('socket', (socket) => {
        if (this.#seen.has(socket)) return;
        this.#seen.add(socket);
        socket.on('close', () => !this.#isOver && this.failures.push('a connection was closed'));
      });
      request.on('error', (error) => resolve(error.message));
      request.end(method === 'POST' ? 'a body' : undefined);
    });
  }

  readonly #seen = new WeakSet<object>();
}

/** What must not grow. */
interface Footprint {
  readonly descriptors: number;
  readonly bytes: number;
  readonly children: number;
}

/** Its own children, as `ps` shows them: state and pid. */
function childrenOf(pid: number): { readonly pid: number; readonly state: string }[] {
  const stats = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        return [[entry, readFileSync(`/proc/${entry}/stat`, 'latin1')] as const];
      } catch {
        return [];
      }
    });
  return stats.flatMap(([entry, stat]) => {
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(parent) === pid ? [{ pid: Number(entry), state: state! }] : [];
  });
}

/** Once two workers serve, nothing else is left of what was before. */
async function settled(pid: number, client: ControlClient): Promise<Footprint> {
  await client.post('/scale', { workers: 2 });
  await until('two workers', async () => {
    const { workers } = await client.get<Status>('/status');
    return workers.length === 2 && workers.every(({ state }) => state === 'ready');
  });
  // The workers and the guard.
  await until(
    () => `no child beside workers and guard: ${JSON.stringify(childrenOf(pid))}`,
    () => childrenOf(pid).length === 3 && childrenOf(pid).every(({ state }) => state !== 'Z'),
  );
  // Of the links of workers that are gone the last ones may still be closing.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    least = Math.min(least, readdirSync(`/proc/${pid}/fd`).length);
    await sleep(100);
  }
  return { descriptors: least, bytes: memoryOf(pid).now, children: childrenOf(pid).length };
}

test(`${OPERATIONS} reloads and scales in a row fail no request and leave nothing behind`, async (t) => {
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  const client = await controlOf(evener);
  const load = new SteadyLoad(t, `${url}/facts`);
  const operate = async (i: number): Promise<void> => {
    if (i % 10 === 9) {
      const { code, stderr } = await verb(evener, i % 20 === 9 ? ['reload', '--parallel', '2'] : ['scale', '2']);
      assert.equal(code, 0, stderr);
    } else if (i % 2 === 0) {
      await client.post('/reload', i % 4 === 0 ? { parallel: 3 } : {});
    } else {
      await client.post('/scale', { by: i % 4 === 1 ? 1 : -1 });
    }
  };
  for (let i = 0; i < WARM_UP; i++) await operate(i);
  const before = await settled(evener.pid, client);
  for (let i = 0; i < OPERATIONS; i++) await operate(i);
  const after = await settled(evener.pid, client);
  await load.stop();
  const grownMB = (after.bytes - before.bytes) / 1e6;
  t.diagnostic(
    `${load.requests} requests; descriptors ${before.descriptors} -> ${after.descriptors}, ` +
      `memory ${Math.round(before.bytes / 1e6)} -> ${Math.round(after.bytes / 1e6)} MB`,
  );
  assert.deepEqual(load.failures, []);
  assert.ok(load.requests > OPERATIONS, `${load.requests} requests`);
  assert.ok(after.descriptors <= before.descriptors + 2, `${before.descriptors} -> ${after.descriptors} descriptors`);
  // A heap may be in any state of being collected: what counts is that it does not grow with every operation.
  assert.ok(grownMB < 40 + OPERATIONS / 10, `memory grew by ${grownMB} MB`);
});
