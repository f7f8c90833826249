import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { CAN_REUSE_PORT } from '../../src/core/reuse-port.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';
import { Supervisor } from '../../src/supervision/supervisor.ts';
import { APPS, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { ServerProcess } from '../support/server-process.ts';
import { MORTAL, surroundingsOf } from '../support/supervisor-surroundings.ts';
import { until } from '../support/until.ts';

/** Before Node 22.12 threads share thread 0's port, and none outlives it. */
for (const threads of CAN_REUSE_PORT ? [1, 2] : [1]) {
  test(`ports that another takes while ${threads} balancer thread(s) are down are opened again when they are free`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'evm-'));
    t.after(() => rmSync(folder, { recursive: true }));
    process.env.MORTAL = join(folder, 'mortal');
    const server = await ServerProcess.start(t, 'a');
    const [appPort, poolPort] = [await freePort(), await freePort()];
    const options = resolveOptions({
      apps: { app: { app: 'server.cjs', workers: 2, port: appPort, cwd: APPS } },
      pools: { pool: { listen: `127.0.0.1:${poolPort}`, servers: [server.url] } },
      threads,
    });
    const supervisor = new Supervisor(options, surroundingsOf(options, MORTAL));
    t.after(() => supervisor.kill());
    const events: SupervisorEvent[] = [];
    const thieves: net.Server[] = [];
    t.after(() => {
      for (const thief of thieves) thief.close();
    });
    let dead = 0;
    supervisor.subscribe((event) => {
      events.push(event);
      // The last of them has let go of the ports, and none has started again.
      if (event.type !== 'balancer-died' || ++dead < threads) return;
      thieves.push(net.createServer().listen(appPort), net.createServer().listen(poolPort, '127.0.0.1'));
    });
    const count = (type: SupervisorEvent['type']): number => events.filter((event) => event.type === type).length;
    await supervisor.start();
    await until('both workers', () => count('worker-ready') === 2);
    for (let thread = threads - 1; thread >= 0; thread--) {
      const before = dead;
      writeFileSync(`${process.env.MORTAL}.new`, String(thread));
      renameSync(`${process.env.MORTAL}.new`, process.env.MORTAL);
      await until('a death', () => dead > before);
    }
    await until('both ports to be told of', () => count('port-lost') === 2);
    const lost = events.flatMap((event) => (event.type === 'port-lost' ? [event] : []));
    assert.deepEqual(lost.map(({ address }) => address.port).sort(), [appPort, poolPort].sort());
    for (const { reason } of lost) assert.match(reason, /EADDRINUSE/);
    assert.equal(supervisor.incidents.open().filter(({ kind }) => kind === 'port-lost').length, 2);
    // Whoever comes meanwhile is told as ever, and those of before stay for the time when the port is free.
    await assert.rejects(supervisor.reload(), /port \d+ is in use by another process/);
    for (const thief of thieves) {
      thief.close();
      await once(thief, 'close');
    }
    await until('both ports to be back', () => count('port-back') === 2);
    for (const url of [`http://127.0.0.1:${appPort}/facts`, `http://127.0.0.1:${poolPort}/`]) {
      assert.equal((await request(url)).status, 200);
    }
    assert.deepEqual([count('port-lost'), count('worker-died'), count('listening')], [2, 0, 2]);
    assert.equal(supervisor.incidents.open().filter(({ kind }) => kind === 'port-lost').length, 0);
  });
}
