import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { Status } from '../../src/control/control-target.ts';
import { assertEnding, type EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { ResolverProcess } from '../support/resolver.ts';
import { HAS_TMUX } from '../support/tmux.ts';
import { until } from '../support/until.ts';
import { commandsOf, Desk, PageCommands } from './desk.ts';
import { REPOSITORY } from './pages.ts';

/** One worker is enough where nothing is said of them. */
const ONE = { WEB_CONCURRENCY: '1' };
const APP = `require('node:http').createServer((request, response) => {
  console.log('asked');
  response.end('worker ' + process.env.EVENER_WORKER_ID);
}).listen(process.env.PORT ?? 0);\n`;

function deskWith(t: TestContext, name: string = 'shop'): Desk {
  const desk = new Desk(t);
  desk.file('package.json', JSON.stringify({ name, scripts: { start: 'exec node server.js' } }));
  desk.file('server.js', APP);
  return desk;
}

async function stop(evener: EvenerProcess): Promise<void> {
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
}

/** The first URL that it says it listens on. */
async function urlOf(evener: EvenerProcess): Promise<string> {
  const [, url] = await evener.said(/listening on (http:\/\/\S+)/);
  return url!;
}

/** Where commands are run. Those of pages about the repository itself are what its developers and its CI run. */
const RUN_BY: Readonly<Record<string, string>> = {
  'README.md': 'README in test/docs/commands, examples in test/examples',
  'docs/access-log.md': 'test/docs/commands',
  'docs/admin.md': 'test/docs/commands',
  'docs/bench.md': 'the repository',
  'docs/config-file.md': 'test/docs/commands',
  'docs/dashboard.md': 'test/docs/commands',
  'docs/deploy-a-new-version.md': 'test/docs/tasks',
  'docs/deploy.md': 'test/docs/commands, the service in test/docs/tasks',
  'docs/discovery.md': 'test/docs/commands',
  'docs/failures.md': 'the repository',
  'docs/find-what-blocks.md': 'test/docs/tasks',
  'docs/http.md': 'the repository',
  'docs/loopback.md': 'test/loopback',
  'docs/metrics.md': 'test/docs/commands',
  'docs/moving-from-cluster.md': 'test/docs/tasks',
  'docs/moving-from-pm2.md': 'test/docs/tasks',
  'docs/operating.md': 'test/docs/commands',
  'docs/other-languages.md': 'test/docs/commands',
  'docs/outliers.md': 'test/docs/commands',
  'docs/overload.md': 'test/docs/commands',
  'docs/policies.md': 'the repository',
  'docs/servers.md': 'test/docs/commands',
  'docs/signals.md': 'test/docs/commands',
};

test('no page shows a command that nobody runs', () => {
  const pages = ['README.md', ...readdirSync(`${REPOSITORY}docs`).map((name) => `docs/${name}`)];
  const shown = pages.filter((page) => page.endsWith('.md') && commandsOf(page).length > 0);
  assert.deepEqual(shown.sort(), Object.keys(RUN_BY).sort());
  for (const [page] of Object.entries(RUN_BY).filter(([, where]) => where === 'the repository')) {
    const { scripts } = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as { scripts: object };
    for (const command of commandsOf(page).filter((one) => one.startsWith('npm '))) {
      const [, name] = /^npm (?:run )?([\w:]+)/.exec(command)!;
      assert.ok(name! in scripts, `${page}: ${command}`);
    }
  }
});

test('docs/operating.md, dashboard.md, admin.md and metrics.md: every command does what is said', async (t) => {
  const [operating, dashboard, admin, metrics] = ['operating', 'dashboard', 'admin', 'metrics'].map(
    (name) => new PageCommands(`docs/${name}.md`),
  ) as [PageCommands, PageCommands, PageCommands, PageCommands];
  const desk = deskWith(t);
  const port = await freePort();
  const start = [dashboard, admin, metrics].map((page) => page.take('evener server.js --admin 9000'));
  // One socket for all that look for it, by the folder that admin.md names.
  const runtime = { XDG_RUNTIME_DIR: desk.temporary };
  const run = (command: string, code: number = 0): Promise<string> => desk.run(command, code, runtime);
  const evener = desk.start(start[0]!.replace('9000', String(port)), { ...runtime, WEB_CONCURRENCY: '3' });
  const url = await evener.url(3);

  const status = JSON.parse(
    await run(admin.take(/^curl --unix-socket/).replace('/tmp/', `${desk.temporary}/`)),
  ) as Status;
  assert.equal(status.name, 'shop');
  assert.match(
    await run(metrics.take('curl http://127.0.0.1:9000/metrics').replace('9000', String(port))),
    /^evener_info\{/m,
  );
  const link = await run(dashboard.take('evener dashboard'));
  assert.match(link, new RegExp(`^http://127\\.0\\.0\\.1:${port}/#token=.`));
  assert.equal(await run(admin.take('evener dashboard')), link);

  const near = await freePort();
  const tunnel = desk.start(
    dashboard.take('ssh -L 9000:127.0.0.1:9000 server').replace('9000:127.0.0.1:9000', `${near}:127.0.0.1:${port}`),
  );
  const page = await until('the page on this side', () => request(`http://127.0.0.1:${near}/`).catch(() => null));
  assert.ok(page.status === 200 && page.body.includes('>Evener</title>'));
  tunnel.kill('SIGTERM');

  for (const one of [operating, metrics]) await desk.shows(one.take('evener status'), /3 of 3 workers/, runtime);
  if (HAS_TMUX) assert.match(await desk.look(operating.take('evener top'), /^ 2 .*ready/m, 'q'), /^>0 .*ready/m);
  for (const one of [operating, dashboard]) assert.match(await run(one.take('evener reload')), /^reloaded in/);
  assert.match(await run(operating.take('evener scale +1')), /: 4 workers$/m);
  assert.match(await run(dashboard.take('evener scale -1')), /: 3 workers$/m);
  await desk.shows(operating.take('evener why 0'), /is not blocked/, runtime);
  await desk.shows(dashboard.take('evener why 2'), /is not blocked/, runtime);
  assert.match(await run(operating.take('evener restart 1')), /^worker 1 restarted, now pid \d+$/m);
  assert.match(await run(dashboard.take('evener restart 2')), /^worker 2 restarted, now pid \d+$/m);
  assert.match(
    await run(operating.take('evener drain 1')),
    /^worker 1 drains; evener restart 1 fills its place again$/m,
  );
  assert.match(await run(dashboard.take('evener drain 2')), /^worker 2 drains/m);
  desk.file('server.js', "require('./routes');\n");
  const failed = await run(operating.take('evener reload'), 1);
  assert.match(failed, /^evener: .*\nThe last lines of the new worker:\n[\s\S]*Error: Cannot find module '\.\/routes'/);
  assert.equal((await request(url)).body, 'worker 0');
  assert.match(await run(dashboard.take('evener stop')), /has stopped$/m);
  assertEnding(await evener.ended, 0);

  desk.file('server.js', APP);
  const asking = admin.take(/^curl -H/);
  for (const page of [dashboard, admin]) {
    const start = page.take(/^EVENER_ADMIN_TOKEN=/).replace(/(?:10\.0\.0\.5|0\.0\.0\.0):9000/, `0.0.0.0:${port}`);
    const guarded = desk.start(start, { ...runtime, ...ONE });
    await guarded.url();
    const environment = readFileSync(`/proc/${guarded.pid}/environ`, 'latin1').split('\0');
    const token = environment.find((one) => one.startsWith('EVENER_ADMIN_TOKEN='))!.slice(19);
    assert.match(token, /^[0-9a-f]{48}$/);
    const address = `-o /dev/null -w '%{http_code}' http://127.0.0.1:${port}/status`;
    const ask = asking.replace('http://10.0.0.5:9000/status', address);
    assert.equal(await desk.run(ask, 0, { EVENER_ADMIN_TOKEN: 'of somebody else' }), '401');
    assert.equal(await desk.run(ask, 0, { EVENER_ADMIN_TOKEN: token }), '200');
    await stop(guarded);
  }
  for (const one of [operating, dashboard, admin, metrics]) assert.deepEqual(one.left, HAS_TMUX ? [] : one.left);
});

test('docs/access-log.md and overload.md: every command does what is said', async (t) => {
  const desk = deskWith(t);
  const page = new PageCommands('docs/access-log.md');
  const first = desk.start(page.take('evener server.js --access-log'), ONE);
  await request(`${await first.url()}/first`);
  await until('its line', () => first.stdout.split('\n').some((line) => /^\{.*"target":"\/first"/.test(line)));
  await stop(first);
  const log = (): string => readFileSync(join(desk.folder, 'access.log'), 'utf8');
  for (const [path, form] of [
    ['/second', 'evener server.js --access-log access.log'],
    ['/third', 'evener --access-log=access.log server.js'],
  ] as const) {
    const evener = desk.start(page.take(form), ONE);
    await request((await evener.url()) + path);
    await until('its line', () => log().includes(`"target":"${path}"`));
    if (path === '/third') {
      await desk.run('mv access.log access.log.old');
      await desk.run(page.take('evener reload'));
      await until('the new file', () => readdirSync(desk.folder).includes('access.log'));
    }
    await stop(evener);
  }
  assert.deepEqual(page.left, []);

  const overload = new PageCommands('docs/overload.md');
  for (const form of [/--max-concurrency 50$/, /--max-connections 10000$/]) {
    const evener = desk.start(overload.take(form), ONE);
    assert.equal((await request(await evener.url())).body, 'worker 0');
    await stop(evener);
  }
  assert.deepEqual(overload.left, []);
});

test('README.md, docs/config-file.md, signals.md and other-languages.md: every command does what is said', async (t) => {
  const desk = deskWith(t);
  const page = new PageCommands('docs/config-file.md');
  desk.file('evener.config.json', JSON.stringify({ app: 'server.js', workers: 1 }));
  const checked = await desk.run(page.take('evener check'));
  assert.match(checked, /^workers +1 +evener\.config\.json$/m);
  assert.match(checked, /^port +- \(the app decides\) +default$/m);
  assert.ok('options' in (JSON.parse(await desk.run(page.take('evener check --json'))) as object));
  const configured = desk.start('evener');
  await configured.url();
  await stop(configured);
  assert.deepEqual(page.left, []);
  desk.file('evener.config.json', '{}');

  // npx takes what the app has installed.
  const readme = new PageCommands('README.md');
  const signals = new PageCommands('docs/signals.md');
  desk.file('node_modules/.bin/.keep', '');
  symlinkSync(join(desk.folder, 'bin/evener'), join(desk.folder, 'node_modules/.bin/evener'));
  desk.file(
    'server.mjs',
    `import { createRequire } from 'node:module';\ncreateRequire(import.meta.url)('./server.js');\n`,
  );
  const port = String(await freePort());
  const starts: [string, Record<string, string>, string][] = [
    [readme.take('npx evener server.js'), ONE, 'worker 0'],
    [readme.take(/^npx evener server\.mjs/).replace('8080', port), {}, 'worker '],
    [readme.take('npx evener npm start'), ONE, 'worker 0'],
    [signals.take('evener npm start'), ONE, 'worker 0'],
    [readme.take('evener server.js'), ONE, 'worker 0'],
  ];
  for (const [line, env, body] of starts) {
    const evener = desk.start(line, env);
    assert.ok((await request(await evener.url())).body.startsWith(body), line);
    if (line === 'evener server.js') {
      await desk.shows(readme.take('evener status'), /1 of 1 workers/);
      for (const one of [readme, signals]) assert.match(await desk.run(one.take('evener reload')), /^reloaded/);
      await desk.shows(readme.take('evener why 0'), /is not blocked/);
      const followed = await desk.follow(readme.take('evener logs -f'), /./);
      const { workers } = JSON.parse(await desk.run('evener status --json')) as Status;
      await desk.run(readme.take('kill -9 15403').replace('15403', String(workers[0]!.pid)));
      await evener.said(/died: signal SIGKILL; restarting at once/);
      await desk.run('evener stop');
      await followed();
    }
    // npx and its shell do not pass signals on.
    if (!evener.hasEnded) await desk.run('evener stop --now').catch(() => {});
    await evener.ended;
  }

  desk.file('app.py', PYTHON);
  for (const [one, form] of [
    [new PageCommands('docs/other-languages.md'), /python3 app\.py$/],
    [readme, /python3 app\.py$/],
  ] as const) {
    const evener = desk.start(one.take(form).replace('8080', port), one === readme ? ONE : {});
    await evener.url(one === readme ? 1 : 4);
    assert.equal((await request(`http://127.0.0.1:${port}/`)).body, 'from Python');
    await stop(evener);
  }
  assert.deepEqual(signals.left, ['npx evener']);
  const ours = readme.left.filter((command) => !/^(git|npm) /.test(command));
  assert.deepEqual(ours, ['evener proxy <url...> -p 8080']);
});

const PYTHON = `
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "11")
        self.end_headers()
        self.wfile.write(b"from Python")

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`;

test('docs/servers.md, discovery.md and outliers.md: every command does what is said', async (t) => {
  const desk = deskWith(t);
  const backends = await Promise.all(
    ['one', 'two'].map(async (body) => {
      const server = http.createServer((_, response) => response.end(body)).listen(0, '127.0.0.1');
      t.after(() => server.close().closeAllConnections());
      await new Promise((resolve) => server.once('listening', resolve));
      return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }),
  );
  desk.file('servers.json', JSON.stringify([`http://${backends[1]}`]));
  const [name, port] = ['api.internal', backends[0]!.slice(10)];
  const resolver = await ResolverProcess.start(t, [`host-record=${name},127.0.0.1`]);
  /** The same line for servers that are here. */
  const here = (command: string): string =>
    command
      .replace('10.0.0.5:8080', backends[0]!)
      .replace('10.0.0.6:8080', backends[1]!)
      .replace('file:///etc/evener/', `file://${desk.folder}/`)
      .replace(`${name}:8080`, `${name}:${port}?resolver=${resolver.address}`)
      .replace('-p 80', '-p 0');
  const servers = new PageCommands('docs/servers.md');
  const discovery = new PageCommands('docs/discovery.md');
  const outliers = new PageCommands('docs/outliers.md');
  for (const [command, expected] of [
    [servers.take(/^evener proxy/), ['one', 'two']],
    [discovery.take(/^evener proxy http/), ['one', 'two']],
    [discovery.take(/^evener proxy dns/), ['one']],
  ] as const) {
    const evener = desk.start(here(command));
    const url = await urlOf(evener);
    const seen = new Set<string>();
    await until(
      () => `answers of ${expected}, not of ${[...seen]}`,
      async () => {
        const { body, status } = await request(url);
        if (status === 200) seen.add(body);
        return seen.size === expected.length;
      },
    );
    const pages = command.includes('dns') ? [discovery, outliers] : command.includes('file') ? [] : [servers];
    for (const page of pages) assert.match(await desk.run(page.take('evener status')), /^SERVER +POOL +STATE/m);
    await stop(evener);
  }
  assert.deepEqual(outliers.left, []);
  assert.deepEqual(discovery.left, ['npm install @kubernetes/client-node']);
  assert.deepEqual(servers.left, ['npm run bench:faults -- --write']);
});

test('docs/deploy.md: the image and the manifests hold what it takes to run them', async (t) => {
  const desk = deskWith(t);
  const page = new PageCommands('docs/deploy.md');
  desk.file('node_modules/.bin/.keep', '');
  symlinkSync(join(desk.folder, 'bin/evener'), join(desk.folder, 'node_modules/.bin/evener'));
  desk.file('package-lock.json', '{}');
  const [port, admin] = [String(await freePort()), String(await freePort())];
  const here = (command: string): string => command.replaceAll('3000', port);
  /** What is written for the port of probes, too. */
  const init = (command: string): Promise<string> => desk.run(`${here(command)} --admin ${admin}`);

  assert.match(await init(page.take(/^evener init docker/)), /^wrote Dockerfile$/m);
  const container = desk.start(here(page.take(/^docker build/)).replace('&& docker', '&& exec docker'));
  await container.url();
  assert.match((await request(`http://127.0.0.1:${port}/`)).body, /^worker \d$/);
  const image = JSON.parse(readFileSync(join(desk.folder, 'images/shop.json'), 'utf8')) as { health: string[] };
  const [program, ...args] = image.health;
  await desk.run([program, ...args.map((word) => `'${word.replaceAll("'", "'\\''")}'`)].join(' '));
  await stop(container);

  assert.match(await init(page.take(/^evener init kubernetes/)), /^wrote kubernetes\.yaml$/m);
  const apply = page.take(/^kubectl apply/);
  assert.match(await desk.run(apply, 1), /secret "shop-admin" not found/);
  assert.match(await desk.run(page.take(/^kubectl create secret/)), /^secret\/shop-admin created$/m);
  assert.match(await desk.run(apply), /^deployment\/shop created\nservice\/shop created$/m);
  const { token } = JSON.parse(readFileSync(join(desk.folder, 'cluster/secret-shop-admin.json'), 'utf8')) as {
    token: string;
  };
  const [deployment] = parseAllDocuments(readFileSync(join(desk.folder, 'kubernetes.yaml'), 'utf8'));
  const [pod] = (
    deployment!.toJS() as {
      spec: { template: { spec: { containers: { args: string[]; [probe: string]: unknown }[] } } };
    }
  ).spec.template.spec.containers;
  const evener = desk.start(`evener ${pod!.args.join(' ')}`, { ...ONE, EVENER_ADMIN_TOKEN: token });
  await evener.url();
  // The port of the app is open first.
  await until('the port of probes', () => request(`http://127.0.0.1:${admin}/`).catch(() => null));
  for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
    const { httpGet } = pod![name] as { httpGet: { path: string } };
    assert.equal((await request(`http://127.0.0.1:${admin}${httpGet.path}`)).status, 200, name);
  }
  assert.equal((await request(`http://127.0.0.1:${admin}/metrics`)).status, 401);
  await stop(evener);
  // The service of systemd has a test of its own; --init of Docker is Docker's.
  assert.deepEqual(
    page.left.filter((command) => !/systemctl|^evener init systemd/.test(command)),
    ['evener init', 'docker run --init'],
  );
});
