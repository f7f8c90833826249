import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveOptions } from '../../../src/config/resolve.ts';
import type { SupervisorEvent } from '../../../src/supervision/events.ts';
import { Supervisor } from '../../../src/supervision/supervisor.ts';
import { APPS, request } from '../../support/evener-process.ts';
import { freePort } from '../../support/free-port.ts';
import { MORTAL, surroundingsOf } from '../../support/supervisor-surroundings.ts';
import { until } from '../../support/until.ts';
import { ms, type Scenario } from '../scenario.ts';

export const balancerDeath: Scenario = {
  name: 'balancer-death',
  event: 'the balancer thread dies',
  promise: 'restarted; the same workers dial in again; served again within a second or so',
  async run(rig) {
    const mortal = join(tmpdir(), `evener-faults-mortal-${process.pid}`);
    process.env.MORTAL = mortal;
    rig.after(() => rmSync(mortal, { force: true }));
    const port = await freePort();
    const options = resolveOptions({ app: 'server.cjs', cwd: APPS, workers: 2, port });
    const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
    rig.after(() => supervisor.kill());
    const events: SupervisorEvent[] = [];
    let diedAtMs = 0;
    supervisor.subscribe((event) => {
      events.push(event);
      if (event.type === 'balancer-died') diedAtMs = performance.now();
    });
    await supervisor.start();
    await until('both', () => events.filter(({ type }) => type === 'worker-ready').length === 2);
    const url = `http://127.0.0.1:${port}/facts`;
    const before = JSON.parse((await request(url)).body) as { pid: number };
    writeFileSync(mortal, '');
    await until('it to die', () => diedAtMs > 0);
    const answer = await until('an answer', () => request(url).catch(() => null));
    const backMs = performance.now() - diedAtMs;
    assert.equal(answer.status, 200);
    assert.ok(!events.some(({ type }) => type === 'worker-died'), 'the workers live on');
    assert.ok(before.pid > 0);
    return { 'serves again': ms(backMs), 'workers restarted': 0 };
  },
};
