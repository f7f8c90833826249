import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess, request } from '../../support/evener-process.ts';
import { Load } from '../../support/load.ts';
import { until } from '../../support/until.ts';
import { workerPids } from '../../support/worker-pids.ts';
import { ms, type Scenario, timeUntil } from '../scenario.ts';

export const crashAtBoot: Scenario = {
  name: 'crash-at-boot',
  event: 'an app crashes at boot, and is mended later',
  promise:
    'starts with growing pauses; 503 with Retry-After at once meanwhile; the cause is told once; serves soon after it is mended',
  async run(rig) {
    const broken = join('/tmp', `evener-faults-broken-${process.pid}`);
    rig.after(() => rmSync(broken, { force: true }));
    const evener = new EvenerProcess(rig, ['mendable.cjs', '-w', '2'], { env: { BROKEN: broken } });
    const url = await evener.url(2);
    writeFileSync(broken, '');
    for (const pid of workerPids(evener)) process.kill(pid, 'SIGKILL');
    await evener.said(/no worker is up/);
    const sentAtMs = performance.now();
    const answer = await request(url);
    const answeredMs = performance.now() - sentAtMs;
    assert.equal(answer.status, 503);
    assert.ok(answer.headers['retry-after'] !== undefined);
    await sleep(3_000);
    assert.equal(evener.count(/^evener: no worker is up/m), 1, 'told once');
    rmSync(broken);
    const mendedMs = await timeUntil('it to serve', async () => (await request(url)).status === 200);
    return { '503 after': ms(answeredMs), 'serves after it is mended': ms(mendedMs) };
  },
};

export const slowBoot: Scenario = {
  name: 'slow-boot',
  event: 'an app that needs 2 s to boot is reloaded under load',
  promise: 'a new worker is ready before an old one goes; no failed request',
  async run(rig) {
    const { evener, url } = await rig.app(2, { env: { BOOT_MS: '2000' } });
    const load = new Load((id) => `${url}/?ms=${id % 5}`, {
      method: 'GET',
      rate: 150,
      durationMs: 7_000,
      connections: 64,
    });
    const running = load.run();
    await until('the load to run', () => load.attempts.length > 50);
    evener.kill('SIGHUP');
    const tookMs = await timeUntil('the reload', () => evener.count(/reload done/) === 1);
    await running;
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    return { requests: load.attempts.length, failed: 0, reload: ms(tookMs), p99: ms(load.percentileMs(99)) };
  },
};
