import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { CAN_REUSE_PORT } from '../../src/core/reuse-port.ts';
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

test('where one of two threads dies such an app serves the other until it is replaced', {
  skip: skip || (CAN_REUSE_PORT ? false : 'this Node lets no thread start again beside another'),
}, async (context) => {
  const mortal = join(tmpdir(), `evener-given-up-rights-${process.pid}-of-two`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const port = await freePort();
  const options = resolveOptions({ app: 'setuid.cjs', cwd: APPS, workers: 2, threads: 2, port });
  const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
  context.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  const ready = (): number => events.filter(({ type }) => type === 'worker-ready').length;
  await supervisor.start();
  await until('both workers', () => ready() === 2);
  // Whole at once: a file that is empty yet is for either of them.
  writeFileSync(`${mortal}.new`, '1');
  renameSync(`${mortal}.new`, mortal);
  await until('two others', () => ready() === 4);
  await until('those before to go', () => events.filter(({ type }) => type === 'worker-retired').length === 2);
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'worker-unreachable' ? event.thread : [])),
    [1, 1],
  );
  assert.ok(events.every(({ type }) => type !== 'worker-died' && type !== 'worker-boot-failed'));
  await supervisor.close();
});

test('where another stands by, both are replaced that one of two threads cannot reach', {
  skip: skip || (CAN_REUSE_PORT ? false : 'this Node lets no thread start again beside another'),
}, async (context) => {
  const mortal = join(tmpdir(), `evener-given-up-rights-${process.pid}-beside`);
  process.env.MORTAL = mortal;
  context.after(() => rmSync(mortal, { force: true }));
  const port = await freePort();
  const options = resolveOptions({ app: 'setuid.cjs', cwd: APPS, workers: 1, standby: 1, threads: 2, port });
  const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
  context.after(() => supervisor.kill());
  const events: SupervisorEvent[] = [];
  supervisor.subscribe((event) => events.push(event));
  const slotsOf = (type: 'worker-standing-by' | 'worker-retired'): number[] =>
    events.flatMap((event) => (event.type === type ? event.slot : [])).sort((a, b) => a - b);
  await supervisor.start();
  await until('one to stand by', () => slotsOf('worker-standing-by').length === 1);
  writeFileSync(`${mortal}.new`, '1');
  renameSync(`${mortal}.new`, mortal);
  await until('those before to go', () => slotsOf('worker-retired').length === 2);
  assert.deepEqual(slotsOf('worker-retired'), [0, 1]);
  assert.deepEqual(slotsOf('worker-standing-by'), [1, 1]);
  await supervisor.close();
});
