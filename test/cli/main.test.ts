import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { APPS, assertEnding, EvenerProcess, isRunning, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { MAIN } from '../support/package-scripts.ts';

interface Facts {
  readonly pid: number;
  readonly worker: string;
  readonly instance: string;
  readonly port?: string;
  readonly link?: string;
  readonly args: string[];
  readonly hasIpc: boolean;
  readonly nodeOptions?: string;
}

async function factsAt(url: string): Promise<Facts> {
  return JSON.parse((await request(`${url}/facts`)).body) as Facts;
}

/** A folder whose name has a space, with one file. */
function folderWith(context: TestContext, name: string, text: string): string {
  const path = mkdtempSync(join(tmpdir(), 'evener test '));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  writeFileSync(join(path, name), text);
  return path;
}

test('runs a CommonJS script with its arguments', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '--workers', '2', '--', '--verbose', '', 'x']);
  const facts = await factsAt(await evener.url(2));
  assert.deepEqual(facts.args, ['--verbose', '', 'x'], 'one that is empty is an argument, too');
  assert.equal(facts.hasIpc, true);
  assert.equal(facts.link, undefined, 'the token is none of the app’s business');
  assert.equal(facts.worker, facts.instance);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.match(evener.stdout, /^booted\nbooted\n$/);
});

test('runs an ES module with top-level await', async (context) => {
  const evener = new EvenerProcess(context, ['run', '-w', '1', 'top-level-await.mjs']);
  assert.equal((await request(await evener.url())).body, 'esm top-level-await.mjs');
});

test('runs a script in a folder with a space in its name', async (context) => {
  const cwd = folderWith(
    context,
    'my server.js',
    `require('node:http').createServer((_, response) => response.end('spaced')).listen(0);`,
  );
  const evener = new EvenerProcess(context, ['my server', '-w1'], { cwd });
  assert.equal((await request(await evener.url())).body, 'spaced');
});

test('runs a package command through npm and a shell, and ends the whole tree', async (context) => {
  const evener = new EvenerProcess(context, ['npm', 'start', '--workers', '1'], {
    cwd: `${APPS}package`,
    env: { NODE_OPTIONS: '--no-warnings', npm_config_update_notifier: 'false' },
  });
  const facts = await factsAt(await evener.url());
  assert.deepEqual(facts.args, ['one']);
  assert.equal(facts.hasIpc, false);
  assert.equal(facts.nodeOptions, '--no-warnings', 'what Evener had there is gone');
  await evener.said(new RegExp(`worker 0 ready \\(pid ${facts.pid},`));
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.ok(!isRunning(facts.pid));
});

test('a command that starts Evener again is refused', async (context) => {
  const cwd = folderWith(
    context,
    'package.json',
    JSON.stringify({ scripts: { start: `exec node "${MAIN}" server.cjs` } }),
  );
  const evener = new EvenerProcess(context, ['npm', 'start', '-w', '2'], { cwd });
  assertEnding(await evener.ended, 1);
  assert.match(evener.stderr, /^evener: Evener runs already, and what it was told to run starts Evener again: /m);
  assert.equal(evener.count(/ ready /), 0, evener.stderr);
});

test('runs a command given behind --', async (context) => {
  const evener = new EvenerProcess(context, ['-w', '1', '--', process.execPath, 'server.cjs', '--deep']);
  assert.deepEqual((await factsAt(await evener.url())).args, ['--deep']);
});

test('--port replaces the app’s port and is in its PORT', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1', '--port', '0'], { env: { PORT: '1' } });
  assert.equal((await factsAt(await evener.url())).port, '0');
});

test('PORT and HOST of the environment reach the app untouched', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1'], { env: { PORT: '0', WEB_CONCURRENCY: '7' } });
  assert.equal((await factsAt(await evener.url())).port, '0');
  assert.match(evener.stderr, /starting server\.cjs: 1 worker$/m);
});

test('WEB_CONCURRENCY sets the number of workers', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs'], { env: { WEB_CONCURRENCY: '3' } });
  await evener.url(3);
  assert.match(evener.stderr, /starting server\.cjs: 3 workers$/m);
});

test('wrong usage ends with 2 and a message that teaches', async (context) => {
  const cases: [string[], RegExp][] = [
    [[], /^evener: nothing to run: evener <script>/],
    [['--'], /^evener: nothing to run: a command is expected after --/],
    [['no-such.js'], /^evener: cannot find "no-such\.js": no file \/.+no-such\.js$/m],
    [['server.cjs', 'extra'], /arguments for the app go after --, as in: evener server\.cjs -- extra/],
    [
      ['server.cjs', '--workers', '0'],
      /^evener: --workers: expected 1-512, a range such as '2-8' or 'auto', got "0"$/m,
    ],
    [['server.cjs', '--workrs', '2'], /^evener: unknown option --workrs: did you mean --workers\?/],
    [['server.cjs', '-w'], /^evener: -w needs a value: expected 1-512/],
    [['server.cjs', '--hang-limit', 'soon'], /^evener: --hang-limit: expected a duration such as/],
    [['server.cjs', '--admin', 'x'], /^evener: (--admin|admin\.listen): expected a port.*, got "x"$/m],
    [
      ['server.cjs', '--admin', '0.0.0.0:0'],
      /a token for what others can reach: set EVENER_ADMIN_TOKEN or admin.token/,
    ],
    [['status', '--follow'], /^evener: evener status knows no --follow: there are --name, --pid, --help, --json$/m],
    [['scale'], /^evener: scale: expected a number of workers such as 4, \+1 or -1, got nothing$/m],
    [['restart'], /^evener: restart: expected <worker\.\.\.> \(evener status shows them\), got nothing$/m],
    [['why', '0', '1'], /^evener: why: expected <worker> \(evener status shows them\), got 0 1$/m],
    [['status', 'all'], /^evener: status: expected nothing behind it but options, got all$/m],
    [['reload', '--parallel'], /^evener: --parallel needs a value: expected a number of workers, 1-512$/m],
    [['statsu'], /^evener: cannot find "statsu": .+; did you mean evener status\?$/m],
    [['start', 'server.cjs'], /^evener: cannot find "start": .+; did you mean evener <script>\?$/m],
    [['check', 'no-such.js'], /^evener: cannot find "no-such\.js": no file \/.+no-such\.js$/m],
    [['help'], /^evener: cannot find "help": .+; did you mean evener --help\?$/m],
    [
      ['--access-log', 'a.log', 'server.cjs'],
      /cannot find "a\.log": .+; a file before the script: --access-log=a\.log$/m,
    ],
  ];
  for (const [args, pattern] of cases) {
    const evener = new EvenerProcess(context, args);
    assertEnding(await evener.ended, 2);
    assert.match(evener.stderr, pattern);
    assert.equal(evener.stderr.trimEnd().split('\n').length, 1, evener.stderr);
  }
  const evener = new EvenerProcess(context, ['server.cjs'], { env: { WEB_CONCURRENCY: 'lots' } });
  assertEnding(await evener.ended, 2);
  assert.match(evener.stderr, /^evener: WEB_CONCURRENCY: expected 1-512 or 'auto', got "lots"$/m);
});

test('a first start that can never work ends with 1 and one reason', async (context) => {
  const broken = folderWith(context, 'broken.js', '\nconst = 1;\n');
  const cases: [string[], RegExp, RegExp][] = [
    [['broken.js'], /failed to start: broken\.js:2: SyntaxError: /, /SyntaxError/],
    [['missing-module.cjs'], /failed to start: Error: Cannot find module 'a-module/, /Cannot find module/],
    [['throws.cjs'], /failed to start: throws\.cjs:1: Error: the database is away$/m, /the database is away$/m],
    [
      ['forks.cjs'],
      /failed to start: Error: the app forks workers of node:cluster, .+ cluster\.fork\(\)$/m,
      /^Error: /m,
    ],
    [['not-a-server.cjs'], /not-a-server\.cjs ended without listening on a port \(exit code 0\)/, /ended without/],
  ];
  for (const [args, reason, repeated] of cases) {
    const startedAtMs = performance.now();
    const evener = new EvenerProcess(context, [...args, '-w', '3'], args[0] === 'broken.js' ? { cwd: broken } : {});
    assertEnding(await evener.ended, 1);
    assert.ok(performance.now() - startedAtMs < 60_000, 'and not after the last of many tries');
    assert.match(evener.stderr, reason);
    // By the app once, unless it needs more than a second to fail: then by each of the three.
    assert.ok(evener.count(repeated) <= 1 + 3, `said once by each, and once by us:\n${evener.stderr}`);
    assert.equal(evener.count(/^evener: (?!starting)/gm), 1, evener.stderr);
  }
});

test('an app that listens and has forks listen as well is told, once', async (context) => {
  const evener = new EvenerProcess(context, ['forks.cjs', '-w', '1', '--port', '0']);
  assert.equal((await request(await evener.url())).body, 'hello');
  const warning = /Warning: the app forks workers of node:cluster, which would share port 0 past Evener/;
  await evener.said(warning);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.equal(evener.count(warning), 1, evener.stderr);
});

test('a port in use ends the first start, whether or not the app minds', async (context) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  context.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  for (const app of ['server.cjs', 'handles-listen-error.cjs']) {
    const evener = new EvenerProcess(context, [app, '-w', '2'], { env: { PORT: String(address.port) } });
    assertEnding(await evener.ended, 1);
    assert.match(
      evener.stderr,
      new RegExp(`^evener: port ${address.port} is in use by another process; .+--port$`, 'm'),
    );
  }
});

test('an app whose metrics come first is told what --port has done to it', async (context) => {
  const [metrics, clients] = [await freePort(), await freePort()];
  const env = { METRICS_PORT: String(metrics) };
  const replaced = new EvenerProcess(context, ['metrics-first.cjs', '-w', '1', '--port', String(clients)], { env });
  await replaced.said(
    new RegExp(
      `died: .+ EADDRINUSE: .+ \\(by --port, in place of the app's first port, ${metrics}; set PORT=${clients} instead\\)`,
    ),
  );
  replaced.kill('SIGTERM');
  await replaced.ended;
  const told = new EvenerProcess(context, ['metrics-first.cjs', '-w', '2'], {
    env: { ...env, PORT: String(clients) },
  });
  await told.url(2);
  assert.equal((await request(`http://localhost:${clients}/`)).body, 'hello');
  assert.equal((await request(`http://localhost:${metrics}/`)).body, 'metrics');
});

test('an app that never listens is given up after the boot time-out', async (context) => {
  const evener = new EvenerProcess(context, ['silent.cjs', '-w', '2', '--boot-timeout', '3500ms']);
  assertEnding(await evener.ended, 1);
  assert.match(evener.stderr, /silent\.cjs did not listen on a port within 3\.5 s/);
});

test('passes output through, by lines and unchanged', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2']);
  const url = await evener.url(2);
  await request(`${url}/log`);
  evener.kill('SIGTERM');
  await evener.ended;
  assert.equal(evener.stdout, 'booted\nbooted\nto stdout\n');
  assert.match(evener.stderr, /^to stderr$/m);
});

test('prints help and version', async (context) => {
  const help = new EvenerProcess(context, ['--help']);
  assertEnding(await help.ended, 0);
  assert.match(help.stdout, /^Usage: evener /);
  const version = new EvenerProcess(context, ['--version']);
  assertEnding(await version.ended, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('says so where the current folder was removed', (context) => {
  const folder = folderWith(context, 'server.js', '');
  const script = `cd "$1" && rm -r "$1" && "$2" "$3" status`;
  const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', folder, process.execPath, MAIN], {
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^evener: the current folder was removed; go to one that is there .*\n$/);
});
