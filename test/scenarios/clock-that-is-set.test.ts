import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { Load } from '../support/load.ts';
import { until } from '../support/until.ts';

const CLOCK = fileURLToPath(new URL('../../../test/fixtures/fakes/clock-that-is-set.cjs', import.meta.url));

test('a clock that is set by hours makes nothing fail, and uptimes stay right', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'hours');
  const env = { NODE_OPTIONS: `--require ${CLOCK}`, CLOCK_FILE: file };
  const evener = new EvenerProcess(t, ['server.cjs', '--workers', '2', '--hang-limit', '2s', '--name', 'set'], { env });
  const url = await evener.url(2);
  const control = await controlOf(evener);
  const startMs = performance.now();
  const load = new Load(() => url, { method: 'POST', rate: 100, connections: 4, body: 'x' });
  await load.during(async () => {
    for (const hours of [3, -5, 2400, -9600]) {
      writeFileSync(file, String(hours));
      await sleep(600);
      const { time, uptime, workers } = await control.get<Status>('/status');
      assert.ok(Math.abs(Date.parse(time) - Date.now() - hours * 3_600_000) < 60_000, `${hours}: ${time}`);
      for (const seconds of [uptime, ...workers.map((worker) => worker.uptime)]) {
        assert.ok(seconds > 0 && seconds < (performance.now() - startMs) / 1000 + 60, `${hours}: ${seconds}`);
      }
      assert.deepEqual(
        workers.map(({ restarts }) => restarts),
        [0, 0],
      );
      // One that a busy machine has kept from answering is so again at once.
      await until('both to be ready', async () => {
        return (await control.get<Status>('/status')).workers.every(({ state }) => state === 'ready');
      });
    }
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
  const { stdout } = await verb(evener, ['status', '--name', 'set']);
  assert.match(stdout, /running, up \d+ s,/);
});
