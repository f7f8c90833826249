import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, request } from '../../support/evener-process.ts';
import { until } from '../../support/until.ts';
import { ms, type Scenario, timeUntil } from '../scenario.ts';

export const sigtermLong: Scenario = {
  name: 'sigterm-long',
  event: 'SIGTERM with long requests in flight',
  promise: 'they finish; exit 0',
  async run(rig) {
    const { evener, url, begun } = await rig.app(2);
    const answers = Array.from({ length: 20 }, (_, id) => request(`${url}/?id=${id}&ms=2000`, 'POST'));
    await until('all to be begun', () => begun().length === 20);
    evener.kill('SIGTERM');
    const sentAtMs = performance.now();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set([200]));
    const lastMs = performance.now();
    assert.deepEqual(await evener.ended, { code: 0, signal: null });
    return {
      'in flight': 20,
      failed: 0,
      'exit after the last answer': ms(performance.now() - lastMs),
      'in all': ms(performance.now() - sentAtMs),
    };
  },
};

export const sigtermDeaf: Scenario = {
  name: 'sigterm-deaf',
  event: 'SIGTERM, and workers take no notice of theirs (`--drain-limit 2s`)',
  promise: 'gone at the drain limit; exit 0',
  async run(rig) {
    const { evener, living } = await rig.app(2, { options: ['--drain-limit', '2s'], env: { DEAF: '1' } });
    const pids = living();
    const sentAtMs = performance.now();
    evener.kill('SIGTERM');
    assert.deepEqual(await evener.ended, { code: 0, signal: null });
    assert.ok(!pids.some(isRunning));
    return { 'gone after': ms(performance.now() - sentAtMs) };
  },
};

export const supervisorKilled: Scenario = {
  name: 'supervisor-killed',
  event: 'Evener itself is killed (`kill -9`), one worker in `while (true)`',
  promise: 'no orphan after 2 s, or 6 s for one that loops',
  async run(rig) {
    const { evener, url, living } = await rig.app(3);
    const pids = living();
    request(`${url}/spin`, 'POST').catch(() => {});
    await evener.said(/is stalled/);
    evener.kill('SIGKILL');
    const left = (): number => pids.filter(isRunning).length;
    const othersMs = await timeUntil('the workers to end', () => left() <= 1);
    const allMs = othersMs + (await timeUntil('the looping one to end', () => left() === 0));
    assert.ok(allMs < 6_000, `the last one ended after ${ms(allMs)}`);
    await until('the runtime directory to go', () => evener.runtimeDirectories().length === 0);
    await sleep(0);
    return { 'workers gone': ms(othersMs), 'the looping one gone': ms(allMs) };
  },
};
