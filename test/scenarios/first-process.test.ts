import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

/** As a container's runtime does it: the command is process 1 of its namespace. */
const LAUNCHER = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

const CAN_HAND_OVER = 'execve' in process;
const CANNOT_UNSHARE =
  spawnSync(LAUNCHER[0]!, [...LAUNCHER.slice(1), 'true']).status === 0
    ? false
    : 'needs the right to make a pid namespace';

interface Facts {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly name: string;
}

function processes(): Facts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'latin1');
        const field = (key: string): string => new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
        return [{ pid: Number(name), parent: Number(field('PPid')), state: field('State'), name: field('Name') }];
      } catch {
        return [];
      }
    });
}

/** Process 1 of the namespace, by its number outside. */
function initOf(evener: EvenerProcess): Facts {
  return processes().find(({ parent }) => parent === evener.pid)!;
}

function start(context: TestContext, args: readonly string[]): EvenerProcess {
  return new EvenerProcess(context, args, { launcher: LAUNCHER });
}

test('as process 1 it reaps what others leave behind, or says that it cannot', {
  skip: CANNOT_UNSHARE,
}, async (context) => {
  const evener = start(context, ['orphans.cjs', '-w', '1']);
  const url = await evener.url();
  const init = initOf(evener);
  const left = (): Facts[] => processes().filter(({ parent, name }) => parent === init.pid && name === 'sleep');
  for (let n = 0; n < 10; n++) assert.equal((await request(`${url}/orphan`)).body, 'left');
  await until('all that were left behind to end', () => left().every(({ state }) => state === 'Z'));
  if (CAN_HAND_OVER) {
    assert.equal(init.name, 'sh');
    await until('all of them to be reaped', () => left().length === 0);
    assert.doesNotMatch(evener.stderr, /process 1/);
  } else {
    assert.equal(left().length, 10);
    assert.match(evener.stderr, /runs as process 1 and cannot reap .*docker run --init/);
  }
  process.kill(init.pid, 'SIGTERM');
  assertEnding(await evener.ended, 0);
});

test('as process 1 it acts on signals as ever', { skip: CANNOT_UNSHARE }, async (context) => {
  const evener = start(context, ['server.cjs', '-w', '1']);
  const url = await evener.url();
  const init = initOf(evener);
  process.kill(init.pid, 'SIGHUP');
  await evener.said(/reload done/);
  process.kill(init.pid, 'SIGTTIN');
  await evener.said(/worker 1 ready/);
  process.kill(init.pid, 'SIGUSR2');
  const control = await controlOf(evener);
  let isAnswered = false;
  const answer = request(`${url}/slow`).finally(() => {
    isAnswered = true;
  });
  await until('the request to be there', async () => {
    const { apps } = await control.get<Status>('/status');
    return isAnswered || apps[0]!.inFlight > 0;
  });
  process.kill(init.pid, 'SIGINT');
  assert.equal((await answer).body, 'slow');
  assertEnding(await evener.ended, 0);
});

test('as process 1 it ends with the exit code that says why', { skip: CANNOT_UNSHARE }, async (context) => {
  assertEnding(await start(context, ['throws.cjs']).ended, 1);
  assertEnding(await start(context, ['there-is-no-such-app.cjs']).ended, 2);
});
