import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from '../../support/evener-process.ts';
import { Load } from '../../support/load.ts';
import { RawClient } from '../../support/raw-client.ts';
import { ms, percent, type Scenario, timeUntil } from '../scenario.ts';

/** What a request costs its worker. */
const COST_MS = 10;

export const flood: Scenario = {
  name: 'flood',
  event: 'five times as many requests as the workers can take',
  promise: 'what is too much gets 503 at once; goodput stays; memory stays bounded; normal afterwards',
  async run(rig) {
    const { evener, url } = await rig.app(2, { options: ['--queue-limit', '100', '--queue-timeout', '2s'] });
    const capacity = await capacityOf(`${url}/block?ms=${COST_MS}`);
    const before = residentMb(evener.pid);
    const settings = { method: 'GET', rate: Math.round(5 * capacity), durationMs: 5_000, connections: 2_000 };
    const load = new Load(() => `${url}/block?ms=${COST_MS}`, settings);
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, residentMb(evener.pid));
    }, 100);
    await load.run();
    clearInterval(watch);
    const { 200: _answered, 503: refused = 0, ...others } = load.outcomes;
    assert.deepEqual(others, {}, 'every request gets 200 or 503');
    assert.ok(refused > 0, 'it was no flood');
    // The clients take their part of the same cores, and at five times the rate more of it.
    const lasting = lastingGoodputOf(load, 2_500);
    assert.ok(lasting > 0.5 * capacity, `goodput fell to ${percent(lasting, capacity)} of capacity`);
    const normalMs = await timeUntil('normal answers', async () => (await request(url)).status === 200);
    assert.ok(peak - before < 200, `it grew by ${peak - before} MB`);
    return {
      'requests/s it can take': Math.round(capacity),
      offered: settings.rate,
      'goodput of that': percent(goodputOf(load), capacity),
      'growth of Evener': `${Math.round(peak - before)} MB`,
      'normal after': ms(normalMs),
    };
  },
};

/** What a request waits for at its worker, which does nothing meanwhile. */
const WAIT_MS = 40;
/** Of them a worker may have so many at a time. */
const CONCURRENCY = 4;

export const overload: Scenario = {
  name: 'overload',
  event: 'twice as many requests as may be in flight (`maxConcurrency`), from clients that wait for nobody',
  promise:
    'at least 90 % of the peak goodput; what is too much gets 503 in a few ms; the rest is answered in good time',
  async run(rig) {
    const { url } = await rig.app(2, {
      options: ['--max-concurrency', String(CONCURRENCY), '--queue-limit', '100', '--queue-timeout', '2s'],
    });
    const target = `${url}/?ms=${WAIT_MS}`;
    const settings = { method: 'GET', durationMs: 3_000, connections: 1_000 };
    // Nobody waits here, so that this is what they can do, and not what we can: 2 workers x 4 requests / 40 ms.
    const capacity = (2 * CONCURRENCY * 1000) / WAIT_MS;
    const before = new Load(() => target, { ...settings, rate: capacity * 1.1 });
    await before.run();
    const peak = goodputOf(before);
    const load = new Load(() => target, { ...settings, rate: capacity * 2, durationMs: 8_000 });
    await load.run();
    const { 200: answered = 0, 503: refused = 0, ...others } = load.outcomes;
    assert.deepEqual(others, {}, 'every request gets 200 or 503');
    assert.ok(refused > answered / 4, `it was no overload: ${refused} of ${answered + refused} were refused`);
    const lasting = lastingGoodputOf(load, 4_000);
    assert.ok(lasting >= 0.9 * peak, `goodput fell to ${percent(lasting, peak)} of its peak`);
    // What is refused at the door; those that grew old in the queue have waited.
    const shed = load.times('503').filter((tookMs) => tookMs < 1_000);
    const served = load.times('200');
    return {
      'peak requests/s': Math.round(peak),
      offered: capacity * 2,
      'goodput of the peak': percent(goodputOf(load), peak),
      '503 at the door p50': fine(at(shed, 50)),
      '503 at the door p99': fine(at(shed, 99)),
      'answered p50': ms(at(served, 50)),
      'answered p99': ms(at(served, 99)),
    };
  },
};

export const slowloris: Scenario = {
  name: 'slowloris',
  event: '300 clients send their heads byte by byte (`--header-timeout 2s`)',
  promise: 'others are served; the slow are cut off with 408 at the limit',
  async run(rig) {
    const { url } = await rig.app(2, { options: ['--header-timeout', '2s'] });
    const slow = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(rig, url)));
    const startedAtMs = performance.now();
    for (const client of slow) client.write('GET / HTTP/1.1\r\n');
    const drip = setInterval(() => {
      for (const client of slow) if (client.socket.writable) client.write('a');
    }, 200);
    rig.after(() => clearInterval(drip));
    const load = new Load((id) => `${url}/?ms=${id % 5}`, {
      method: 'GET',
      rate: 150,
      durationMs: 4_000,
      connections: 32,
    });
    const [, answers] = await Promise.all([load.run(), Promise.all(slow.map((client) => client.rest()))]);
    const cutMs = performance.now() - startedAtMs;
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    assert.ok(answers.every((answer) => /^HTTP\/1\.1 408 /.test(answer)));
    return {
      requests: load.attempts.length,
      failed: 0,
      p99: ms(load.percentileMs(99)),
      'slow ones cut off': answers.length,
      'all within': ms(cutMs),
    };
  },
};

/** Clients at once, more than there are descriptors. */
const BUSY = 300;

export const fewDescriptors: Scenario = {
  name: 'few-descriptors',
  event: '500 idle connections, then 300 busy ones, where there are 256 descriptors (`ulimit -n 256`)',
  promise:
    'new clients are served, idle ones are closed for them; where none is idle accepting pauses, and most wait for no longer than a second; Evener says why; CPU stays low',
  async run(rig) {
    const launcher = ['/bin/sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];
    const { evener, url } = await rig.app(2, { launcher });
    const { hostname, port } = new URL(url);
    const crowd = Array.from({ length: 500 }, () => {
      const socket = net.connect({ host: hostname, port: Number(port) });
      socket.on('error', () => {});
      socket.resume();
      return socket;
    });
    rig.after(() => {
      for (const socket of crowd) socket.destroy();
    });
    await timeUntil('it to be told', () => /as many as open files allow/.test(evener.stderr));
    await sleep(1_000);
    const cpuBefore = cpuSeconds(evener.pid);
    await sleep(1_000);
    const cpu = cpuSeconds(evener.pid) - cpuBefore;
    const kept = crowd.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    const outcomes: Record<string, number> = {};
    for (let i = 0; i < 100; i++) {
      const outcome = await request(url).then(
        ({ status }) => String(status),
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      );
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    assert.deepEqual(outcomes, { 200: 100 }, 'new clients are served while the crowd is there');
    assert.ok(kept > 50, `only ${kept} of the crowd were kept`);
    for (const socket of crowd) socket.destroy();
    // None of these is idle: those for whom there is no descriptor wait for one.
    const all = await Promise.all(Array.from({ length: BUSY }, () => request(`${url}/?ms=300`)));
    const busy = all.filter(({ status }) => status === 200).length;
    assert.ok(all.every(({ status }) => status === 200 || status === 503));
    assert.ok(busy > BUSY / 2, `only ${busy} of ${BUSY} busy ones were served`);
    await timeUntil('it to be told over', () => /client connections: room again/.test(evener.stderr));
    assert.equal(evener.count(/died/), 0, 'no worker and no thread died of it');
    return {
      'idle ones kept': kept,
      'new clients served meanwhile': outcomes['200'] ?? 0,
      [`of ${BUSY} at once with 300 ms of work, served`]: busy,
      'CPU meanwhile': percent(cpu, 1),
    };
  },
};

/** Answers with 200 a second. */
function goodputOf(load: Load): number {
  const ends = goodEndsOf(load);
  return (1000 * ends.length) / (ends.at(-1)! - startOf(load));
}

/**
 * The same of the best two seconds that begin so late: a load that a service breaks down under keeps it down to its end, while
 * of a machine that stood still for a moment the service cannot make more than there was.
 */
function lastingGoodputOf(load: Load, fromMs: number): number {
  const windowMs = 2_000;
  const firstMs = startOf(load) + fromMs;
  const ends = goodEndsOf(load).filter((endMs) => endMs >= firstMs);
  const most = Math.max(0, ...ends.map((endMs) => ends.filter((one) => one >= endMs && one < endMs + windowMs).length));
  return (1000 * most) / windowMs;
}

/** When answers with 200 were whole, in order. Monotonic ms */
function goodEndsOf(load: Load): number[] {
  const good = load.attempts.filter(({ outcome }) => outcome === '200');
  return good.map(({ sentAtMs, tookMs }) => sentAtMs + tookMs).sort((a, b) => a - b);
}

function startOf(load: Load): number {
  return Math.min(...load.attempts.map(({ sentAtMs }) => sentAtMs));
}

/** Of times in order. */
function at(times: readonly number[], percent: number): number {
  return times[Math.max(0, Math.ceil((times.length * percent) / 100) - 1)] ?? 0;
}

function fine(value: number): string {
  return `${value.toFixed(1)} ms`;
}

/** Requests a second that clients get answered who wait for each answer. */
async function capacityOf(url: string): Promise<number> {
  const startedAtMs = performance.now();
  let answered = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() - startedAtMs < 2_000) {
        assert.equal((await request(url)).status, 200);
        answered++;
      }
    }),
  );
  return (answered * 1000) / (performance.now() - startedAtMs);
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
