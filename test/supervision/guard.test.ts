import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Guard } from '../../src/supervision/guard.ts';
import { isRunning } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { withoutDescriptors } from '../support/without-descriptors.ts';

const GUARD = new URL('../../src/supervision/guard.js', import.meta.url).href;
const GUARD_PROCESS = fileURLToPath(new URL('../../src/supervision/guard-process.js', import.meta.url));

/** Three groups: one that ends when asked, one that is deaf, one that is not ours any more. */
interface Groups {
  readonly willing: number;
  readonly deaf: number;
  readonly stranger: number;
}

async function group(context: TestContext, script: string, env: Record<string, string> = {}): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ['-e', `${script}; console.log('up'); for (;;);`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env,
  });
  context.after(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout!.once('data', resolve));
  return child.pid!;
}

async function groups(context: TestContext): Promise<Groups> {
  const deafness = "process.on('SIGTERM', () => {})";
  const all = [group(context, ''), group(context, deafness), group(context, '')] as const;
  const [willing, deaf, stranger] = await Promise.all(all);
  return { willing, deaf, stranger };
}

/** What the supervisor was about to start, another worker, and somebody else's process. */
async function unannounced(context: TestContext, mark: string): Promise<Groups> {
  const [name, value] = mark.split('=') as [string, string];
  const all = [
    group(context, '', { EVENER_WORKER_ID: '0', [name]: value }),
    group(context, '', { EVENER_WORKER_ID: '0', [name]: `${value}1` }),
    group(context, '', { EVENER_WORKER_ID: '1', OTHER: mark }),
  ] as const;
  const [willing, deaf, stranger] = await Promise.all(all);
  return { willing, deaf, stranger };
}

function directory(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "evener test '$(x) "));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function assertJudged({ willing, deaf, stranger }: Groups, path: string): Promise<void> {
  await until('ours to end', () => !isRunning(willing) && !isRunning(deaf));
  await until('the directory to be removed', () => !existsSync(path));
  assert.ok(isRunning(stranger), 'a forgotten group is left alone');
}

test('ends the groups it watches when its pipe closes, by force where needed', async (context) => {
  const path = directory(context);
  const { willing, deaf, stranger } = await groups(context);
  const guard = new Guard(path);
  guard.watch(willing);
  guard.watch(stranger);
  guard.watch(deaf);
  guard.forget(stranger);
  guard.close();
  await assertJudged({ willing, deaf, stranger }, path);
});

test('does the same without a shell', async (context) => {
  const path = directory(context);
  const { willing, deaf, stranger } = await groups(context);
  const guard = spawn(process.execPath, [GUARD_PROCESS, path], { stdio: ['pipe', 'ignore', 'inherit'] });
  guard.stdin.end(`+${willing}\n+${stranger}\n+${deaf}\n-${stranger}\n+0\n+1\n+x\n`);
  await assertJudged({ willing, deaf, stranger }, path);
});

/** Of no use to anybody else on this machine. */
const MARK = `PORT=${process.pid}.5`;

test('ends what was being started when its pipe closes, and was not told of', async (context) => {
  const path = directory(context);
  const guard = new Guard(path);
  const { willing, deaf, stranger } = await unannounced(context, MARK);
  guard.expect(MARK);
  guard.close();
  await until('the unannounced one to end', () => !isRunning(willing));
  await until('the directory to be removed', () => !existsSync(path));
  assert.ok(isRunning(deaf) && isRunning(stranger), 'others are left alone');
});

test('does the same without a shell, too', async (context) => {
  const path = directory(context);
  const { willing, deaf, stranger } = await unannounced(context, MARK);
  const guard = spawn(process.execPath, [GUARD_PROCESS, path], { stdio: ['pipe', 'ignore', 'inherit'] });
  guard.stdin.end(`?${MARK}\n`);
  await until('the unannounced one to end', () => !isRunning(willing));
  await until('the directory to be removed', () => !existsSync(path));
  assert.ok(isRunning(deaf) && isRunning(stranger), 'others are left alone');
});

test('looks for nobody once it has been told of what was started', async (context) => {
  const path = directory(context);
  const guard = new Guard(path);
  const { willing, deaf } = await unannounced(context, MARK);
  guard.expect(MARK);
  guard.watch(deaf);
  guard.close();
  await until('what it watches to end', () => !isRunning(deaf));
  await until('the directory to be removed', () => !existsSync(path));
  assert.ok(isRunning(willing));
});

/** Whether a signal would not end it. */
function survives(pid: number, signal: NodeJS.Signals): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const [ignored, caught] = ['SigIgn', 'SigCgt'].map((name) => {
    return BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, 'm').exec(status)![1]}`);
  });
  return (((ignored! | caught!) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

test('takes no notice of the signals that a service manager sends to all', async (context) => {
  const path = directory(context);
  const guard = new Guard(path);
  context.after(() => guard.close());
  const pid = guard.pid!;
  const { willing } = await groups(context);
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const;
  await until('it to have set its traps', () => signals.every((signal) => survives(pid, signal)));
  for (const signal of signals) process.kill(pid, signal);
  guard.watch(willing);
  // Were it gone, nobody would do what is left to do: no other takes the place of one that is closed.
  guard.close();
  await until('what it watches to end', () => !isRunning(willing));
});

test('another takes the place of one that died, and knows what to watch', async (context) => {
  const path = directory(context);
  const { willing } = await groups(context);
  const guard = new Guard(path);
  guard.watch(willing);
  const first = guard.pid!;
  process.kill(first, 'SIGKILL');
  await until('another guard', () => guard.pid !== null && guard.pid !== first);
  assert.ok(isRunning(willing));
  guard.close();
  await until('what it watches to end', () => !isRunning(willing));
});

test('is started later where no descriptor is left for it', async (context) => {
  const said = await withoutDescriptors(`
    import { Guard } from ${JSON.stringify(GUARD)};
    take();
    const guard = new Guard(${JSON.stringify(directory(context))});
    console.log(guard.pid);
    setTimeout(release, 300);
    setInterval(() => {
      if (guard.pid === null) return;
      console.log('guarded');
      process.exit();
    }, 20);
  `);
  assert.equal(said, 'null\nguarded\n');
});
