import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createBalancer, EvenerError, type SupervisorEvent } from '../../src/index.ts';
import { request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { RawServer } from '../support/raw-server.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What somebody would write who has the package; compiled with all checks, by its own types. */
const CONSUMER = `
import { createBalancer, EvenerError, type Balancer, type BalancerOptions, type SupervisorEvent } from 'evener';

const [a, b] = process.argv.slice(2) as [string, string];
const options: BalancerOptions = { servers: [a], listen: '127.0.0.1:0', policy: 'round-robin', queueTimeout: '5s' };
const balancer: Balancer = createBalancer(options);
const types = new Set<SupervisorEvent['type']>();
balancer.subscribe((event) => types.add(event.type));
const [address] = await balancer.start();
const ask = async (): Promise<string> => (await fetch(\`http://127.0.0.1:\${address!.port}/\`)).text();
const first = await ask();
await balancer.update({ servers: [{ url: b, weight: 2 }] });
const second = await ask();
const states = balancer.pools.flatMap(({ servers }) => servers.map(({ state }) => state));
await balancer.close();
const closed: EvenerError | null = await balancer.closed;
console.log(JSON.stringify({ first, second, states, closed, types: [...types] }));
// @ts-expect-error it runs no app
const wrong: BalancerOptions = { app: 'server.js' };
try {
  createBalancer(wrong);
} catch (error) {
  console.log(error instanceof EvenerError && error.code);
}
`;

test('the package, installed elsewhere, balances servers by createBalancer, and its types say so', async (t) => {
  const [a, b] = await Promise.all([ServerProcess.start(t, 'a'), ServerProcess.start(t, 'b')]);
  const folder = mkdtempSync(join(tmpdir(), 'evl-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const installed = join(folder, 'node_modules', 'evener');
  mkdirSync(installed, { recursive: true });
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const file = execFileSync('npm', pack, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n').at(-1)!;
  execFileSync('tar', ['-xzf', join(folder, file), '-C', installed, '--strip-components=1']);
  mkdirSync(join(folder, 'node_modules', '@jridgewell'));
  for (const name of ['valibot', 'ws', 'chokidar', 'jiti', '@jridgewell/trace-mapping', '@types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--types', 'node'];
  execFileSync(tsc, ['consumer.ts', ...strict, '--module', 'nodenext', '--target', 'es2023'], {
    cwd: folder,
    stdio: 'inherit',
  });
  const run = promisify(execFile)(process.execPath, ['consumer.js', a.url, b.url], { cwd: folder });
  const [facts, refused] = (await run).stdout.trim().split('\n');
  const { types, ...rest } = JSON.parse(facts!) as { types: string[] };
  assert.deepEqual(rest, { first: 'a', second: 'b', states: ['up'], closed: null });
  for (const type of ['starting', 'listening', 'reload-done', 'draining', 'stopped'])
    assert.ok(types.includes(type), type);
  assert.equal(refused, 'EVENER_CONFIG_INVALID');
});

test('a balancer keeps its servers when new ones are refused, and finishes what is in flight at its end', async (t) => {
  const server = await ServerProcess.start(t, 'a');
  const port = await freePort();
  const balancer = createBalancer({ servers: server.url, listen: `127.0.0.1:${port}` });
  t.after(() => balancer.kill());
  const events: SupervisorEvent[] = [];
  const unsubscribe = balancer.subscribe((event) => events.push(event));
  await assert.rejects(balancer.update({ servers: 'http://a:1' }), { code: 'EVENER_NOT_RUNNING' });
  const [address] = await balancer.start();
  const url = `http://127.0.0.1:${address!.port}`;
  await assert.rejects(
    balancer.update({ servers: 'nonsense with spaces' }),
    (error) => error instanceof EvenerError && error.code === 'EVENER_CONFIG_INVALID',
  );
  const taken = await RawServer.listen(t);
  await assert.rejects(balancer.update({ listen: `127.0.0.1:${new URL(taken.url).port}` }), {
    code: 'EVENER_RELOAD_FAILED',
  });
  // Where it was before it is reached again.
  await until('an answer', async () => (await request(url).catch(() => null))?.body === 'a');
  await server.kill();
  const waiting = request(url);
  await until('the loss to be told', () => events.some(({ type }) => type === 'server-down'));
  assert.equal(balancer.pools[0]!.servers[0]!.state, 'unreachable');
  assert.ok(balancer.incidents.open().some(({ kind }) => kind === 'server-down'));
  await server.start();
  assert.equal((await waiting).body, 'a');
  const slow = request(`${url}/slow?ms=500`);
  await until('it to be there', async () => {
    const { status } = await request(url);
    return status === 200;
  });
  unsubscribe();
  await balancer.close();
  assert.equal((await slow).status, 200);
  assert.equal(await balancer.closed, null);
});

test('whoever ends one that is being ended waits for its end, too', async (t) => {
  for (const end of ['close', 'kill'] as const) {
    const balancer = createBalancer({ servers: 'http://127.0.0.1:1', listen: '127.0.0.1:0' });
    t.after(() => balancer.kill());
    await balancer.start();
    let hasEnded = false;
    void balancer.closed.then(() => {
      hasEnded = true;
    });
    const first = balancer.kill();
    await balancer[end]();
    assert.ok(hasEnded, end);
    await first;
  }
});
