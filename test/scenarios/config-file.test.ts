import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';

/** Answers with its own name, and what of its environment it was asked for. */
const APP = `
require('node:http').createServer((request, response) => {
  response.end(JSON.stringify({ app: NAME, url: request.url, mode: process.env.MODE ?? null, pid: process.pid }));
}).listen(process.env.PORT ?? 0);
`;

function folderWith(context: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function app(name: string): string {
  return APP.replace('NAME', JSON.stringify(name));
}

async function told(url: string, host = 'localhost', path = '/'): Promise<{ app: string; mode: string; pid: number }> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const outgoing = http.get({ port, path, agent: false, headers: { host } }, (response) => {
      let body = '';
      response.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      response.on('end', () =>
        resolve(response.statusCode === 200 ? JSON.parse(body) : { app: String(response.statusCode) }),
      );
    });
    outgoing.on('error', reject);
  });
}

test('runs what a config file in TypeScript says', async (context) => {
  const folder = folderWith(context, {
    'server.cjs': app('typed'),
    'evener.config.ts': `
      const workers: number = 1;
      export default { app: 'server.cjs', workers, env: { MODE: 'from the file', PORT: '0' } };
    `,
  });
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(1);
  assert.deepEqual({ ...(await told(url)), pid: 0 }, { app: 'typed', url: '/', mode: 'from the file', pid: 0 });
  await evener.said(/starting server.cjs: 1 worker\n/);
});

test('puts the command line before the file, and check tells where each value came from', async (context) => {
  const folder = folderWith(context, {
    'server.cjs': app('checked'),
    'evener.config.mjs': `export default { app: 'server.cjs', workers: 1, queueLimit: 7, hangLimit: '3s', env: { TOKEN: 'hidden' } };`,
  });
  const evener = new EvenerProcess(context, ['check', '--json', '-w', '3'], { cwd: folder });
  assertEnding(await evener.ended, 0);
  assert.doesNotMatch(evener.stdout, /hidden/);
  const { options } = JSON.parse(evener.stdout) as { options: { key: string; value: unknown; source: string }[] };
  const sourceOf = (key: string): string => {
    const { value, source } = options.find((row) => row.key === key)!;
    return `${JSON.stringify(value)} ${source}`;
  };
  assert.equal(sourceOf('workers'), '"3" command line');
  assert.equal(sourceOf('queueLimit'), '7 evener.config.mjs');
  assert.equal(sourceOf('hangLimit'), '"3s" evener.config.mjs');
  assert.equal(sourceOf('drainLimit'), '"25s" default');
  assert.equal(sourceOf('env'), '["TOKEN"] evener.config.mjs');
});

test('refuses a file with a key that is not known, or a value that is not allowed, with the way out', async (context) => {
  const cases: readonly (readonly [object | string, RegExp])[] = [
    [{ app: 's.cjs', worker: 2 }, /unknown option worker \(in evener\.config\.json\): did you mean workers\?/],
    [{ app: 's.cjs', workers: 0 }, /workers: expected 1-512, .+, got 0 \(in evener.config.json\)/],
    [{ apps: { api: { app: 's.cjs', workers: 'many' } } }, /apps\.api\.workers: expected 1-512, .+, got "many"/],
    [
      { apps: { api: { app: 's.cjs', route: { host: 'a b' } } } },
      /apps\.api\.route.*host: expected a host such as .+, got "a b"/,
    ],
    [{ apps: { api: { app: 's.cjs', threads: 2 } } }, /unknown option apps\.api\.threads/],
    [{ apps: [] }, /apps: expected an object with a name for each/],
    [{ pools: { far: { servers: [] } } }, /pools\.far\.servers: expected a list of servers/],
    ['{ "app": ', /evener\.config\.json cannot be read: /],
  ];
  for (const [value, pattern] of cases) {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const folder = folderWith(context, { 's.cjs': app('s'), 'evener.config.json': text });
    const evener = new EvenerProcess(context, [], { cwd: folder });
    assertEnding(await evener.ended, 2);
    assert.match(evener.stderr, pattern);
  }
});

test('routes several apps on one port by host and path', async (context) => {
  const port = await freePort();
  const route = (host: string | undefined, path: string | undefined): string => JSON.stringify({ host, path });
  const folder = folderWith(context, {
    'web.cjs': app('web'),
    'api.cjs': app('api'),
    'shop.cjs': app('shop'),
    'evener.config.js': `module.exports = { port: ${port}, workers: 1, apps: {
      web: { app: 'web.cjs', env: { MODE: 'w' } },
      api: { app: 'api.cjs', route: ${route(undefined, '/api')} },
      shop: { app: 'shop.cjs', route: [${route('shop.example', undefined)}, ${route('*.shop.example', undefined)}] },
    } };`,
  });
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(0);
  await evener.said(/starting web: web.cjs: 1 worker; api: api.cjs: 1 worker; shop: shop.cjs: 1 worker/);
  await evener.saidTimes(/worker (web|api|shop):0 ready/, 3);
  const seen = async (host: string, path: string): Promise<string> => (await told(url, host, path)).app;
  assert.equal(await seen('localhost', '/'), 'web');
  assert.equal(await seen('localhost', '/api'), 'api');
  assert.equal(await seen('localhost', '/api/users?x=1'), 'api');
  assert.equal(await seen('localhost', '/apiary'), 'web');
  assert.equal(await seen('shop.example', '/'), 'shop');
  assert.equal(await seen('Shop.Example:8080', '/'), 'shop');
  assert.equal(await seen('eu.shop.example', '/x'), 'shop');
  assert.equal(await seen('notshop.example', '/'), 'web');
  // An exact host comes before a path of any host.
  assert.equal(await seen('shop.example', '/api'), 'shop');
});

test('answers 404 where no app has a route', async (context) => {
  const port = await freePort();
  const folder = folderWith(context, {
    'api.cjs': app('api'),
    'evener.config.json': JSON.stringify({
      port,
      workers: 1,
      apps: { api: { app: 'api.cjs', route: { path: '/api/' } } },
    }),
  });
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(1);
  assert.equal((await request(`${url}/api/x`)).status, 200);
  const answer = await request(`${url}/`);
  assert.equal(answer.status, 404);
  assert.match(answer.body, /no app has a route/);
});

test("reads PM2's file, and names once what has no meaning", async (context) => {
  const folder = folderWith(context, {
    'server.cjs': app('moved'),
    'ecosystem.config.js': `module.exports = { apps: [{
      name: 'my app', script: './server.cjs', instances: 2, exec_mode: 'cluster', autorestart: false, min_uptime: 5,
      watch: false, vizion: true,
      max_memory_restart: '300M', env: { MODE: 'pm2', PORT: 0 }, node_args: '--no-warnings',
    }] };`,
  });
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(2);
  assert.equal((await told(url)).mode, 'pm2');
  assert.equal(evener.count(/autorestart has no meaning here: workers are always restarted/), 1);
  assert.equal(evener.count(/min_uptime has no meaning here/), 1);
  assert.equal(evener.count(/has no meaning here/), 2);
});

test('a reload reads the file again: limits apply without touching workers, environment by new ones', async (context) => {
  const config = (more: object): string =>
    JSON.stringify({ app: 'server.cjs', workers: 1, env: { PORT: '0', MODE: 'a' }, ...more });
  const folder = folderWith(context, { 'server.cjs': app('again'), 'evener.config.json': config({}) });
  const file = join(folder, 'evener.config.json');
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(1);
  const first = await told(url);

  writeFileSync(file, config({ queueLimit: 5 }));
  evener.kill('SIGHUP');
  await evener.said(/reload: applying the options[\s\S]+reload done/);
  assert.equal((await told(url)).pid, first.pid);

  writeFileSync(file, config({ queueLimit: 5, env: { PORT: '0', MODE: 'b' } }));
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 2);
  const second = await told(url);
  assert.notEqual(second.pid, first.pid);
  assert.equal(second.mode, 'b');

  writeFileSync(file, config({ workers: 2, env: { PORT: '0', MODE: 'b' } }));
  evener.kill('SIGHUP');
  await evener.said(/scaled to 2 workers/);

  await evener.saidTimes(/reload done/, 3);
  writeFileSync(file, config({ workers: '1-4', env: { PORT: '0', MODE: 'b' } }));
  evener.kill('SIGHUP');
  await evener.saidTimes(/reload done/, 4);
  assert.equal(evener.count(/scaled to/), 1, 'two are as good as any in that range');
  writeFileSync(file, config({ workers: '3-4', env: { PORT: '0', MODE: 'b' } }));
  evener.kill('SIGHUP');
  await evener.said(/scaled to 3 workers/);

  writeFileSync(file, config({ workers: -1 }));
  evener.kill('SIGHUP');
  await evener.said(
    /reload failed, the workers of before go on: workers: expected .+, got -1 \(in evener.config.json\)/,
  );
  assert.equal((await told(url)).app, 'again');
});

test('a reload takes back what one that failed half way has brought, whatever else it changes', async (context) => {
  const script = `
    const { MODE, EVENER_WORKER_ID } = process.env;
    if (MODE === 'b' && EVENER_WORKER_ID === '1') process.exit(3);
    require('node:http').createServer((request, response) => response.end(MODE)).listen(0);
  `;
  const config = (mode: string, more: object): string =>
    JSON.stringify({ app: 'server.cjs', workers: 2, env: { MODE: mode }, policy: 'round-robin', ...more });
  const folder = folderWith(context, { 'server.cjs': script, 'evener.config.json': config('a', {}) });
  const file = join(folder, 'evener.config.json');
  const evener = new EvenerProcess(context, [], { cwd: folder });
  const url = await evener.url(2);
  const modes = async (): Promise<string[]> => [(await request(url)).body, (await request(url)).body].sort();

  writeFileSync(file, config('b', {}));
  evener.kill('SIGHUP');
  await evener.said(/reload failed, the workers of before go on: server.cjs ended before it listened: exit code 3/);
  assert.deepEqual(await modes(), ['a', 'b'], 'what was replaced before stays for now');

  writeFileSync(file, config('a', { queueLimit: 5 }));
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  assert.deepEqual(await modes(), ['a', 'a']);
});

test('a reload follows a link to another release', async (context) => {
  const folder = folderWith(context, {});
  for (const release of ['one', 'two']) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, 'server.cjs'), app(release));
  }
  const current = join(folder, 'current');
  symlinkSync('one', current);
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1'], { cwd: current, env: { PWD: current } });
  const url = await evener.url(1);
  assert.equal((await told(url)).app, 'one');
  unlinkSync(current);
  symlinkSync('two', current);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  assert.equal((await told(url)).app, 'two');
});
