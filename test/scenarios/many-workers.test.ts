import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { availableCores } from '../../src/config/available-cores.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

/** After ten seconds one that boots is not waited for any more. */
const WAITED_MS = 8_000;

test('no more workers boot at a time than there are cores for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evener-many-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const begun = (): number => readdirSync(folder).length;
  const places = 2 * availableCores();
  const startedAtMs = performance.now();
  const evener = new EvenerProcess(t, ['spins-at-boot.cjs', '-w', String(places + 3), '--', folder]);
  await until('as many as there are places for', () => begun() >= places);
  await sleep(500);
  const count = begun();
  const isSlow = performance.now() - startedAtMs > WAITED_MS;
  if (isSlow) t.diagnostic('the machine took too long to show it');
  else assert.equal(count, places);
  writeFileSync(join(folder, 'go'), '');
  await evener.url(places + 3);
});
