import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { CAN_REUSE_PORT } from '../../src/core/reuse-port.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { ServerProcess } from '../support/server-process.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

/** Before Node 22.12 threads share thread 0's port, and none outlives it. */
const THREADS = CAN_REUSE_PORT ? 2 : 1;

test('a balancer thread that dies while servers are discovered knows them again, also where nobody tells any more', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => ServerProcess.start(t, name)));
  const folder = mkdtempSync(join(tmpdir(), 'evm-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mortal = join(folder, 'mortal');
  process.env.MORTAL = mortal;
  const kill = (thread: number): void => {
    // Whole at once: a file that is empty yet is for any of them.
    writeFileSync(`${mortal}.new`, String(thread));
    renameSync(`${mortal}.new`, mortal);
  };
  const found = join(folder, 'servers.json');
  const tell = (...servers: ServerProcess[]): void => {
    writeFileSync(found, JSON.stringify(servers.map(({ url }) => url)));
  };
  tell(a!);
  const port = await freePort();
  const listen = `127.0.0.1:${port}`;
  const options = resolveOptions({
    pools: { api: { listen, servers: [`file://${found}`] } },
    threads: THREADS,
    cwd: folder,
  });
  const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
  t.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  const deaths = (): number => events.filter(({ type }) => type === 'balancer-died').length;
  await supervisor.start();
  const answeredBy = (...names: string[]): Promise<unknown> =>
    until(`answers of ${names.join(' ')} only`, async () => {
      const url = `http://${listen}/slow?ms=20`;
      const answers = await Promise.all(Array.from({ length: 12 }, () => request(url).catch(() => null)));
      return [...new Set(answers.map((answer) => answer?.body))].sort().join() === names.join();
    });
  await answeredBy('a');
  // Found since the thread was born.
  tell(a!, b!);
  await answeredBy('a', 'b');
  for (let thread = 0; thread < THREADS; thread++) {
    const before = deaths();
    kill(thread);
    await until(`thread ${thread} to die`, () => deaths() > before);
    await answeredBy('a', 'b');
  }
  // Nobody tells of servers any more: what is known is known to the next thread, too.
  rmSync(found);
  await until('that to be told', () =>
    events.some((event) => event.type === 'source-failed' && /ENOENT/.test(event.reason)),
  );
  kill(0);
  await until('a death', () => deaths() > THREADS);
  await answeredBy('a', 'b');
  tell(c!);
  await answeredBy('c');
  assert.equal(deaths(), THREADS + 1);
});
