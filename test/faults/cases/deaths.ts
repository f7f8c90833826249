import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/evener-process.ts';
import { Load } from '../../support/load.ts';
import { until } from '../../support/until.ts';
import { ms, type Scenario, timeUntil } from '../scenario.ts';

const GETS = { method: 'GET', rate: 300, durationMs: 6_000, connections: 64 };

export const killOne: Scenario = {
  name: 'kill-one',
  event: 'a worker is killed (`kill -9`) under load of GETs',
  promise: 'no failed request; replaced at once',
  async run(rig) {
    const { evener, url, living } = await rig.app(4);
    const load = new Load((id) => `${url}/?ms=${id % 5}`, GETS);
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 200);
    const killedAtMs = performance.now();
    process.kill(living()[0]!, 'SIGKILL');
    const replacedMs = await timeUntil('a replacement', () => evener.count(/worker \d ready/) === 5);
    await running;
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    const around = load.percentileMs(100, [killedAtMs - 100, killedAtMs + 1_000]);
    return { requests: load.attempts.length, failed: 0, slowest: ms(around), replaced: ms(replacedMs) };
  },
};

export const killAll: Scenario = {
  name: 'kill-all',
  event: 'all workers are killed at once under load of GETs',
  promise: 'requests wait for the first that is back; none fails',
  async run(rig) {
    const { evener, url, living } = await rig.app(4);
    const load = new Load((id) => `${url}/?ms=${id % 5}`, { ...GETS, rate: 200 });
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 200);
    const killedAtMs = performance.now();
    for (const pid of living()) process.kill(pid, 'SIGKILL');
    const backMs = await timeUntil('the first', () => evener.count(/worker \d ready/) > 4);
    await running;
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    const slowest = load.percentileMs(100, [killedAtMs - 100, killedAtMs + 10_000]);
    return { requests: load.attempts.length, failed: 0, slowest: ms(slowest), 'first back': ms(backMs) };
  },
};

export const standby: Scenario = {
  name: 'standby',
  event: 'the only worker is killed, and one stands by (`standby: 1`)',
  promise: 'it takes the place at once; no GET fails',
  async run(rig) {
    const { evener, url, living } = await rig.app(1, { config: { standby: 1 } });
    await evener.said(/worker 1 stands by/);
    const load = new Load((id) => `${url}/?ms=${id % 5}`, { ...GETS, rate: 200, durationMs: 4_000 });
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 100);
    const killedAtMs = performance.now();
    process.kill(living()[0]!, 'SIGKILL');
    const takenMs = await timeUntil('the place to be taken', () => evener.count(/takes the place of worker 0/) === 1);
    await running;
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    const slowest = load.percentileMs(100, [killedAtMs - 100, killedAtMs + 2_000]);
    return { requests: load.attempts.length, failed: 0, slowest: ms(slowest), 'taken over': ms(takenMs) };
  },
};

export const crashMidPost: Scenario = {
  name: 'crash-mid-post',
  event: 'workers die with POSTs in flight',
  promise: 'what no handler has begun is moved; what was begun is answered with 502 and never run twice',
  async run(rig) {
    // Each crash is of another request: none of them is poison.
    const { url, begun, evener } = await rig.app(4);
    const isCrash = (id: number): boolean => id % 150 === 75;
    const load = new Load((id) => `${url}/?id=${id}&ms=${isCrash(id) ? '1000&crash' : '3'}`, {
      method: 'POST',
      rate: 200,
      durationMs: 6_000,
      connections: 64,
      body: 'x'.repeat(100),
    });
    await load.run();
    const deliveries = begun();
    assert.equal(new Set(deliveries).size, deliveries.length, 'a POST was run twice');
    const ends = Object.keys(load.outcomes).filter((outcome) => outcome !== '200' && outcome !== '502');
    assert.deepEqual(ends, [], 'clients saw something else than 200 and 502');
    const known = new Set(deliveries);
    const lost = load.attempts.filter(({ outcome }) => outcome === '502');
    for (const { id } of lost) assert.ok(known.has(String(id)), `${id} was never begun, and was not moved`);
    for (const { id, outcome } of load.attempts) if (outcome === '200') assert.ok(known.has(String(id)));
    const deaths = evener.count(/\) died: exit code 7/);
    return { POSTs: load.attempts.length, deaths, 'run twice': 0, 'answered with 502': lost.length };
  },
};

export const poison: Scenario = {
  name: 'poison',
  event: 'a request that kills its worker comes again and again',
  promise: 'it takes two workers with it and no third: then it is answered with 503 for a while',
  async run(rig) {
    const { evener, url } = await rig.app(3);
    const poisoned = `${url}/?id=1&ms=1000&crash`;
    for (let death = 1; death <= 2; death++) {
      assert.equal((await request(poisoned, 'POST')).status, 502);
      await evener.saidTimes(/\) died: exit code 7/, death);
    }
    await evener.said(/it is answered with 503/);
    for (let i = 0; i < 20; i++) assert.equal((await request(poisoned, 'POST')).status, 503);
    assert.equal((await request(url)).status, 200);
    await sleep(500);
    assert.equal(evener.count(/\) died: exit code 7/), 2);
    return { 'times sent': 22, deaths: 2, 'answered with 503': 20 };
  },
};
