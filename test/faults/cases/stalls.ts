import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/evener-process.ts';
import { Load } from '../../support/load.ts';
import { until } from '../../support/until.ts';
import { ms, percent, type Scenario, timeUntil } from '../scenario.ts';

export const endlessLoop: Scenario = {
  name: 'endless-loop',
  event: 'a handler runs into `while (true)`',
  promise:
    'out of rotation within half a second or so, explained by line, replaced after the hang limit (2 s here); nobody else notices',
  async run(rig) {
    const { evener, url } = await rig.app(4, { options: ['--hang-limit', '2s'] });
    const load = new Load((id) => `${url}/?ms=${id % 5}`, {
      method: 'GET',
      rate: 200,
      durationMs: 7_000,
      connections: 64,
    });
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 100);
    const sentAtMs = performance.now();
    const doomed = request(`${url}/spin`, 'POST');
    // Others may be stalled for a moment where the machine is busy.
    const ejectedMs = await timeUntil('it to be out', () => evener.count(/is stalled/) > 0);
    const explainedMs = await timeUntil('an explanation', () => evener.count(/ hangs: .+ in \/spin/) > 0);
    assert.equal((await doomed).status, 502);
    await evener.saidTimes(/worker \d ready/, 5);
    const replacedMs = performance.now() - sentAtMs;
    await running;
    assert.match(evener.stderr, / hangs: .+ in \/spin, faults\.cjs:\d+:\d+; ending it/);
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    return {
      requests: load.attempts.length,
      failed: 0,
      'p99 meanwhile': ms(load.percentileMs(99, [sentAtMs, sentAtMs + replacedMs])),
      ejected: ms(ejectedMs),
      'explained after': ms(ejectedMs + explainedMs),
      replaced: ms(replacedMs),
    };
  },
};

export const blocks: Scenario = {
  name: 'blocks',
  event: 'event loops block for 500 ms, one a second',
  promise: 'no worker is ended for it, no request fails, few wait',
  async run(rig) {
    const { evener, url } = await rig.app(4);
    const load = new Load((id) => `${url}/?ms=${id % 3}`, {
      method: 'GET',
      rate: 200,
      durationMs: 8_000,
      connections: 64,
    });
    const running = load.run();
    const over = running.then(() => true);
    const blocked: Promise<number>[] = [];
    while (!(await Promise.race([over, sleep(1_000, false)]))) {
      blocked.push(request(`${url}/block?ms=500`).then(({ status }) => status));
    }
    assert.deepEqual(new Set(await Promise.all(blocked)), new Set([200]));
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    assert.equal(evener.count(/ hangs|died/), 0);
    const waited = load.attempts.filter(({ tookMs }) => tookMs > 100).length;
    return {
      requests: load.attempts.length,
      failed: 0,
      'workers ended': 0,
      'waited over 100 ms': percent(waited, load.attempts.length),
      p99: ms(load.percentileMs(99)),
    };
  },
};

export const stopContinue: Scenario = {
  name: 'stop-continue',
  event: 'a worker is stopped (SIGSTOP) under load of POSTs, and goes on (SIGCONT)',
  promise: 'what it has not begun is moved at once; none is run twice or lost; it serves again',
  async run(rig) {
    const { evener, url, living, begun } = await rig.app(3);
    const load = new Load((id) => `${url}/?id=${id}`, {
      method: 'POST',
      rate: 150,
      durationMs: 6_000,
      connections: 64,
      body: 'x'.repeat(100),
    });
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 100);
    const [victim] = living();
    const stoppedAtMs = performance.now();
    process.kill(victim!, 'SIGSTOP');
    rig.after(() => process.kill(victim!, 'SIGCONT'));
    const said = (what: string): boolean => evener.count(new RegExp(`\\(pid ${victim}\\) ${what}`)) > 0;
    const ejectedMs = await timeUntil('it to be out', () => said('is stalled'));
    await sleep(1_000);
    process.kill(victim!, 'SIGCONT');
    const backMs = await timeUntil('it to be back', () => said('answers again'));
    await running;
    await until('it to serve', async () => (await request(url)).body === String(victim));
    const deliveries = begun();
    assert.equal(new Set(deliveries).size, deliveries.length, 'a POST was run twice');
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    assert.equal(deliveries.length, load.attempts.length);
    return {
      POSTs: load.attempts.length,
      failed: 0,
      'run twice': 0,
      slowest: ms(load.percentileMs(100, [stoppedAtMs - 100, stoppedAtMs + 3_000])),
      ejected: ms(ejectedMs),
      'back after SIGCONT': ms(backMs),
    };
  },
};
