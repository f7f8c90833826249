import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { type Ending, EvenerProcess } from '../../support/evener-process.ts';

const PACKAGE = { name: '@acme/Web Shop', dependencies: { evener: '^0.1.0' } };

/** A folder with an app in it. */
function folderWith(context: TestContext, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'evi-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const all = { 'server.js': '', 'package.json': JSON.stringify(PACKAGE), 'package-lock.json': '{}', ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  return folder;
}

async function init(
  context: TestContext,
  cwd: string,
  args: readonly string[],
): Promise<Ending & { readonly stdout: string; readonly stderr: string }> {
  const evener = new EvenerProcess(context, ['init', ...args], { cwd });
  const ending = await evener.ended;
  return { ...ending, stdout: evener.stdout, stderr: evener.stderr };
}

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

/** Instructions of a Dockerfile, continued lines joined. */
function instructionsOf(text: string): [string, string][] {
  return text
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, word, rest] = /^([A-Z]+) (.+)$/.exec(line)!;
      return [word!, rest!];
    });
}

test('systemd: a unit that systemd accepts, with the command as it was given', async (context) => {
  const folder = folderWith(context);
  const ending = await init(context, folder, [
    'systemd',
    'server.js',
    '-w',
    '4',
    '--drain-limit',
    '40s',
    '--',
    '--rate=5%',
    'a b$c',
  ]);
  assert.deepEqual([ending.code, ending.stdout], [0, 'wrote acme-web-shop.service\n'], ending.stderr);
  const unit = read(folder, 'acme-web-shop.service');
  const exec = /^ExecStart=(.+)$/m.exec(unit)![1]!;
  assert.ok(exec.startsWith(process.execPath), exec);
  assert.ok(exec.endsWith(' server.js -w 4 --drain-limit 40s -- --rate=5%% "a b$$c"'), exec);
  for (const line of ['Type=notify', 'NotifyAccess=all', 'KillMode=mixed', 'TimeoutStopSec=55', 'OOMPolicy=continue']) {
    assert.match(unit, new RegExp(`^${line}$`, 'm'));
  }
  assert.match(unit, new RegExp(`^WorkingDirectory=${folder}$`, 'm'));
  assert.match(unit, /^ExecReload=.+ reload --name "@acme\/Web Shop"$/m);
  const verify = spawnSync('systemd-analyze', ['verify', join(folder, 'acme-web-shop.service')], { encoding: 'utf8' });
  if (verify.error !== undefined) context.diagnostic('systemd-analyze is not here');
  else assert.equal(verify.stderr.replace(/^.*(?:network-online|Cannot add dependency).*\n/gm, ''), '', verify.stderr);
});

test('docker: an image without root, with a probe, in exec form', async (context) => {
  const folder = folderWith(context);
  const ending = await init(context, folder, ['docker', 'server.js', '-w', '4']);
  assert.equal(ending.code, 0, ending.stderr);
  assert.match(
    ending.stdout,
    /^wrote Dockerfile\nwrote \.dockerignore\nthe app decides its port by itself: .*--port 3000/,
  );
  const instructions = instructionsOf(read(folder, 'Dockerfile'));
  const last = (name: string): string => instructions.filter(([word]) => word === name).at(-1)![1];
  assert.equal(instructions[0]![0], 'FROM');
  assert.ok(instructions.some(([word, rest]) => word === 'RUN' && rest === 'npm ci --omit=dev'));
  assert.deepEqual(JSON.parse(last('ENTRYPOINT')), ['node_modules/.bin/evener']);
  assert.deepEqual(JSON.parse(last('CMD')), ['server.js', '-w', '4', '--port', '3000', '--admin', '127.0.0.1:9000']);
  assert.deepEqual([last('USER'), last('STOPSIGNAL'), last('EXPOSE')], ['node', 'SIGTERM', '3000']);
  const [, probe] = /^--interval=\S+ .*CMD (\[.+\])$/.exec(last('HEALTHCHECK'))!;
  assert.match((JSON.parse(probe!) as string[])[2]!, /fetch\('http:\/\/127\.0\.0\.1:9000\/readyz'\)/);
  assert.ok(
    instructions.findIndex(([word]) => word === 'USER') > instructions.findLastIndex(([word]) => word === 'RUN'),
  );
  assert.match(read(folder, '.dockerignore'), /^node_modules$/m);
  assert.match(read(folder, '.dockerignore'), /^\.env$/m);
});

test('docker: the package manager of the folder, its build, and the ports of the config', async (context) => {
  const folder = folderWith(context, {
    'pnpm-lock.yaml': '',
    'package.json': JSON.stringify({ name: 'shop', scripts: { build: 'tsc' } }),
    'evener.config.json': JSON.stringify({
      apps: { web: { app: 'server.js', port: 8080 }, api: { app: 'server.js', port: 8081 } },
    }),
  });
  const ending = await init(context, folder, ['docker', '--admin', '9100']);
  assert.match(ending.stdout, /evener is not among the dependencies/);
  assert.doesNotMatch(ending.stdout, /decides its port/);
  const text = read(folder, 'Dockerfile');
  assert.match(text, /^RUN corepack enable && pnpm install --frozen-lockfile$/m);
  assert.match(text, /^RUN pnpm run build && pnpm prune --prod$/m);
  assert.match(text, /^EXPOSE 8080 8081$/m);
  assert.match(text, /^CMD \["--admin","127\.0\.0\.1:9100"\]$/m);
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}

test('kubernetes: manifests whose probes and times fit', async (context) => {
  const folder = folderWith(context);
  const args = [
    'kubernetes',
    'server.js',
    '-w',
    '2',
    '-p',
    '8080',
    '--drain-limit',
    '40s',
    '--max-memory',
    '300MiB',
    '--boot-timeout',
    '50s',
  ];
  const ending = await init(context, folder, args);
  assert.deepEqual([ending.code, ending.stdout], [0, 'wrote kubernetes.yaml\n'], ending.stderr);
  const documents = parseAllDocuments(read(folder, 'kubernetes.yaml'));
  for (const { errors, warnings } of documents) assert.deepEqual([...errors, ...warnings], []);
  const [deployment, service] = documents.map((document) => document.toJS() as Manifest) as [Manifest, Manifest];
  assert.deepEqual([deployment.kind, service.kind], ['Deployment', 'Service']);
  assert.equal(deployment.metadata.name, 'acme-web-shop');
  assert.doesNotMatch(read(folder, 'kubernetes.yaml'), /prometheus\.io/, 'a scraper told by these has no token');
  type Probe = { httpGet: { path: string; port: string }; periodSeconds: number; failureThreshold: number };
  type Container = {
    args: string[];
    ports: { name: string; containerPort: number }[];
    resources: { limits: object };
    startupProbe: Probe;
    readinessProbe: Probe;
    livenessProbe: Probe;
  };
  const pod = (deployment.spec.template as { spec: { containers: [Container]; terminationGracePeriodSeconds: number } })
    .spec;
  const [container] = pod.containers;
  assert.ok(pod.terminationGracePeriodSeconds > 40 + 5);
  assert.deepEqual(container.args.slice(-2), ['--admin', '0.0.0.0:9000']);
  assert.deepEqual(container.ports, [
    { name: 'http', containerPort: 8080 },
    { name: 'admin', containerPort: 9000 },
  ]);
  assert.deepEqual(container.resources.limits, { cpu: '2', memory: '728Mi' });
  const { startupProbe, readinessProbe, livenessProbe } = container;
  assert.ok(startupProbe.periodSeconds * startupProbe.failureThreshold >= 50);
  assert.deepEqual(
    [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => `${httpGet.path} ${httpGet.port}`),
    ['/readyz admin', '/readyz admin', '/healthz admin'],
  );
  const labels = { 'app.kubernetes.io/name': 'acme-web-shop' };
  assert.deepEqual(service.spec.selector, labels);
  assert.deepEqual(service.spec.ports, [{ name: 'http', port: 80, targetPort: 'http' }]);
  assert.deepEqual((deployment.spec.selector as { matchLabels: object }).matchLabels, labels);
});

test('overwrites nothing unless it is told to, and prints where that is asked for', async (context) => {
  const folder = folderWith(context, { Dockerfile: 'FROM mine\n' });
  const refused = await init(context, folder, ['docker', 'server.js']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /Dockerfile is there already: --force overwrites it, --stdout only prints/);
  assert.equal(read(folder, 'Dockerfile'), 'FROM mine\n');
  assert.ok(!existsSync(join(folder, '.dockerignore')));

  const printed = await init(context, folder, ['systemd', '--stdout', 'server.js']);
  assert.match(printed.stdout, /^\[Service\]$/m);
  assert.ok(!readdirSync(folder).some((name) => name.endsWith('.service')));

  assert.equal((await init(context, folder, ['docker', '--force', 'server.js'])).code, 0);
  assert.match(read(folder, 'Dockerfile'), /^FROM node:/m);
  assert.equal((await init(context, folder, ['docker', 'server.js'])).code, 0, 'the same again is no loss');
});

test('says what it can write, and what is wrong with the rest', async (context) => {
  const folder = folderWith(context);
  const unknown = await init(context, folder, ['dokcer']);
  assert.deepEqual(
    [unknown.code, unknown.stderr],
    [2, 'evener: init: expected one of systemd, docker, kubernetes (did you mean docker?)\n'],
  );
  assert.equal((await init(context, folder, [])).code, 2);
  const help = await init(context, folder, ['--help']);
  assert.equal(help.code, 0, help.stderr);
  assert.match(help.stdout, /evener init systemd\|docker\|kubernetes/);
  const noApp = await init(context, folder, ['docker', 'nothing-there.js']);
  assert.equal(noApp.code, 2);
  assert.match(noApp.stderr, /cannot find "nothing-there\.js"/);
});

test('says which file cannot be written', async (context) => {
  const folder = folderWith(context);
  mkdirSync(join(folder, 'Dockerfile'));
  const { code, stderr } = await init(context, folder, ['docker', 'server.js', '--force']);
  assert.equal(code, 2);
  assert.equal(stderr, 'evener: Dockerfile cannot be written here: EISDIR; --stdout prints it\n');
});
