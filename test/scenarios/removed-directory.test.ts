import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

for (const threads of ['1', '2']) {
  test(`workers are replaced though the runtime directory was removed, with ${threads} balancer threads`, async (t) => {
    const evener = new EvenerProcess(t, ['server.cjs', '-w', '2', '--threads', threads]);
    const url = await evener.url(2);
    const { pid } = JSON.parse((await request(`${url}/facts`)).body) as { pid: number };
    let followed = 0;
    const ended = (await controlOf(evener)).follow('/live', () => followed++);
    await until('the stream', () => followed > 0);
    const [name] = readdirSync(evener.temporary).filter((name) => name.startsWith('evener-'));
    rmSync(join(evener.temporary, name!), { recursive: true });
    await evener.said(/evener-\d+-\w+ was removed, or some of it; made again/);
    process.kill(pid, 'SIGKILL');
    await evener.said(new RegExp(`worker \\d \\(pid ${pid}\\) died.*worker \\d ready`, 's'));
    assert.equal((await request(`${url}/facts`)).status, 200);
    // Who follows it goes on doing so.
    const before = followed;
    await until('more of the stream', () => followed > before + 1);
    // Commands find it, too.
    const control = await controlOf(evener);
    await until('both to be ready', async () => {
      const { workers } = await control.get<Status>('/status');
      return workers.map(({ state }) => state).join() === 'ready,ready';
    });
    evener.kill('SIGTERM');
    await ended;
    assert.deepEqual(await evener.ended, { code: 0, signal: null });
    assert.deepEqual(
      readdirSync(evener.temporary).filter((name) => name.startsWith('evener-')),
      [],
    );
  });
}
