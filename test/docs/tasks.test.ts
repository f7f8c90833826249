import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { readPage } from './pages.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** Asks for what the unit says: there is no systemd to ask. */
const SYSTEMCTL = `#!/bin/sh
[ "$1" = systemctl ] && shift
[ "$1" = reload ] || exit 64
exec $(sed -n 's/^ExecReload=//p' "$2.service")
`;

/** A folder with `evener`, `sudo` and `systemctl` at hand, in which commands are run as they stand in a page. */
class Desk {
  readonly folder: string;

  constructor(t: TestContext) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'evener-tasks-')));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    mkdirSync(join(this.folder, 'bin'));
    this.#tool('evener', `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    this.#tool('sudo', SYSTEMCTL);
  }

  /** @throws with what it said, where it ends with another code */
  async run(evener: EvenerProcess, command: string, code: number = 0): Promise<string> {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      PATH: `${join(this.folder, 'bin')}${delimiter}${process.env.PATH}`,
      TMPDIR: evener.temporary,
    };
    for (const name of ['XDG_RUNTIME_DIR', 'NODE_TEST_CONTEXT', 'PWD']) delete env[name];
    return new Promise((resolve, reject) => {
      execFile('sh', ['-c', command], { cwd: this.folder, env }, (error, stdout, stderr) => {
        const ended = error === null ? 0 : Number(error.code);
        if (ended === code) resolve(stdout + stderr);
        else reject(new Error(`${command}: ended with ${ended}\n${stdout}${stderr}`));
      });
    });
  }

  #tool(name: string, script: string): void {
    const path = join(this.folder, 'bin', name);
    writeFileSync(path, script);
    chmodSync(path, 0o755);
  }
}

/** Commands of a page: indented lines that begin with one of these words. */
function commandsOf(page: string): string[] {
  return [...readPage(page).matchAll(/^ {4}((?:evener|ln|sudo) .+)$/gm)].map(([, command]) => command!.trim());
}

/** What stands in code within the text. */
function inlineCommandsOf(page: string): string[] {
  return [...readPage(page).matchAll(/`(evener [^`]+)`/g)].map(([, command]) => command!);
}

async function statusOf(evener: EvenerProcess): Promise<Status> {
  return (await controlOf(evener)).get<Status>('/status');
}

function release(folder: string, number: number): void {
  mkdirSync(join(folder, 'releases', String(number)), { recursive: true });
  const app = `require('node:http').createServer((_, response) => response.end('${number}')).listen(0);\n`;
  writeFileSync(join(folder, 'releases', String(number), 'server.js'), app);
}

test('docs/deploy-a-new-version.md: every command does what is said', async (t) => {
  const desk = new Desk(t);
  const { folder } = desk;
  release(folder, 1);
  release(folder, 2);
  symlinkSync('releases/1', join(folder, 'current'));
  const commands = commandsOf('docs/deploy-a-new-version.md').filter((line) => !line.startsWith('evener: '));
  const start = commands.find((command) => command === 'evener current/server.js')!;
  const evener = new EvenerProcess(t, [...start.split(' ').slice(1), '-w', '2', '--name', 'shop'], { cwd: folder });
  const url = await evener.url(2);
  const unit = await desk.run(evener, 'evener init systemd current/server.js --name shop --stdout');
  writeFileSync(join(folder, 'shop.service'), unit);

  let reloads = 0;
  for (const command of commands.filter((one) => one !== start)) {
    // The time is not what is tried here.
    const output = await desk.run(evener, command.replace('--for 60s', '--for 1s'));
    if (/reload/.test(command)) reloads++;
    if (command === 'evener status') assert.match(output, /2 of 2 workers/);
    if (command === 'evener events') assert.match(output, /reload done/);
    if (command.includes('--canary')) assert.match(output, /too few requests to judge|with 10 % of the requests/);
    const { workers } = await statusOf(evener);
    assert.ok(
      workers.every(({ generation }) => generation === reloads),
      `${command}: ${JSON.stringify(workers)}`,
    );
    const [, link] = /^ln -sfn releases\/(\d) current$/.exec(command) ?? [];
    if (link !== undefined) continue;
    const current = readFileSync(join(folder, 'current', 'server.js'), 'utf8');
    assert.ok(current.includes(`'${(await request(url)).body}'`), `${command}: the release that the link leads to`);
  }
  assert.ok(reloads >= 5, `${reloads} reloads`);
});

test('docs/find-what-blocks.md: every command does what is said', async (t) => {
  const desk = new Desk(t);
  cpSync(join(APPS, 'hangs/hangs.cjs'), join(desk.folder, 'report.cjs'));
  const limit = (hangLimit: string): void => {
    const config = { name: 'shop', app: 'report.cjs', workers: 1, hangLimit };
    writeFileSync(join(desk.folder, 'evener.config.json'), JSON.stringify(config));
  };
  limit('10m');
  const evener = new EvenerProcess(t, [], { cwd: desk.folder });
  const url = await evener.url();
  const lost = request(`${url}/spin`).catch(() => {});
  await evener.said(/worker 0 \(pid \d+\) is stalled/);
  const shown = new Map<string, string>();
  const page = 'docs/find-what-blocks.md';
  const isStart = (command: string): boolean => command.startsWith('evener server.js');
  const asked = commandsOf(page).filter((command) => !isStart(command));
  for (const command of asked.filter((one) => /status|why/.test(one)))
    shown.set(command, await desk.run(evener, command));
  assert.match(shown.get('evener status')!, /^0 +\d+ +stalled +1 /m);
  assert.match(shown.get('evener why 0')!, /^worker 0 \(pid \d+\) is blocked: .*crunch.*report\.cjs:\d+/);
  const why = JSON.parse(shown.get('evener why 0 --json')!) as { report: { activity: string } };
  assert.equal(why.report.activity, 'spinning');
  limit('1s');
  await desk.run(evener, 'evener reload');
  await evener.said(/worker 0 \(pid \d+\) hangs: silent for/);
  for (const command of asked.filter((one) => !shown.has(one))) shown.set(command, await desk.run(evener, command));
  assert.match(shown.get('evener events')!, /worker 0 \(pid \d+\) hangs: silent for .*crunch.*report\.cjs:\d+/);
  assert.ok(shown.has('evener logs 0'));
  for (const command of commandsOf(page).filter(isStart)) {
    assert.equal(parseCommandLine(command.split(' ').slice(1)).kind, 'run');
  }
  await lost;
});

test('docs/moving-from-pm2.md: every command can be given', async (t) => {
  const desk = new Desk(t);
  const config =
    "module.exports = { apps: [{ name: 'shop', script: 'server.js', instances: 1, merge_logs: true }] };\n";
  writeFileSync(join(desk.folder, 'ecosystem.config.js'), config);
  release(desk.folder, 1);
  cpSync(join(desk.folder, 'releases/1/server.js'), join(desk.folder, 'server.js'));
  const page = 'docs/moving-from-pm2.md';
  const commands = new Set(inlineCommandsOf(page));
  const start = 'evener --config ecosystem.config.js';
  assert.ok(commands.delete(start), start);
  const evener = new EvenerProcess(t, start.split(' ').slice(1), { cwd: desk.folder });
  await evener.said(/ready \(pid/);
  // The others follow them, or need a terminal.
  assert.ok(commands.delete('evener top'));
  assert.match(await desk.run(evener, 'evener top', 2), /top needs a terminal/);
  assert.ok(commands.delete('evener logs -f'));
  const following = desk.run(evener, 'evener logs -f');
  assert.ok(commands.delete('evener stop'));
  for (const command of commands) await desk.run(evener, command);
  await until('two workers', async () => (await statusOf(evener)).workers.length === 2);
  await desk.run(evener, 'evener stop');
  await following;
  assert.equal((await evener.ended).code, 0);
});

test('docs/moving-from-cluster.md: every command can be given', async (t) => {
  const desk = new Desk(t);
  release(desk.folder, 1);
  cpSync(join(desk.folder, 'releases/1/server.js'), join(desk.folder, 'server.js'));
  const page = 'docs/moving-from-cluster.md';
  const [start, ...more] = commandsOf(page);
  assert.deepEqual([start, more], ['evener server.js', []]);
  const evener = new EvenerProcess(t, ['server.js', '-w', '1'], { cwd: desk.folder });
  await evener.url();
  for (const command of inlineCommandsOf(page)) await desk.run(evener, command);
});
