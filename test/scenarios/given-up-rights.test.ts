import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { APPS, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

const skip = process.getuid?.() === 0 ? false : 'only root can give up being root';

interface Answer {
  readonly uid: number;
  readonly pid: number;
}

test('an app that gives up root before it listens serves, and is replaced when it cannot dial in again', {
  skip,
}, async (context) => {
  const mortal = join(tmpdir(), `evener-given-up-rights-${process.pid}`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const port = await freePort();
  const options = resolveOptions({ app: 'setuid.cjs', cwd: APPS, workers: 1, port });
  const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
  context.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  await supervisor.start();
  const ask = async (): Promise<Answer> => JSON.parse((await request(`http://127.0.0.1:${port}/`)).body) as Answer;
  const first = await ask();
  assert.equal(first.uid, 65534);
  writeFileSync(mortal, '');
  await until('the balancer to die', () => events.some(({ type }) => type === 'balancer-died'));
  const died = performance.now();
  const second = await until('an answer', () => ask().catch(() => null));
  assert.notEqual(second.pid, first.pid);
  context.diagnostic(`served again after ${Math.round(performance.now() - died)} ms`);
});
