import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { APPS, EvenerProcess, request } from '../support/evener-process.ts';

test('a queue that stands at one port of an app keeps nobody out at another', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evq-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const config = { app: join(APPS, 'two-ports-slow.cjs'), workers: 1, maxConcurrency: 2, queueTimeout: '5m' };
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  await evener.url(1);
  await evener.saidTimes(/listening on http:\/\/\S+/, 2);
  const [first, second] = [...evener.stderr.matchAll(/listening on (http:\/\/\S+)/g)].map(([, url]) => url!);
  for (const [full, other] of [
    [first!, second!],
    [second!, first!],
  ] as const) {
    let left = 200;
    const standing = Array.from({ length: left }, async () => {
      const { status } = await request(full);
      left--;
      return status;
    });
    await standing[0];
    // One after another: each waits its turn beside two hundred, and for few of them.
    const waitedFor: number[] = [];
    for (let i = 0; i < 5; i++) {
      const before = left;
      assert.equal((await request(other)).status, 200);
      waitedFor.push(before - left);
    }
    // One that met a moment in which the machine stood still may have waited for more.
    assert.ok(waitedFor.sort((a, b) => a - b)[1]! < 20, `they waited for ${waitedFor}`);
    assert.deepEqual(new Set(await Promise.all(standing)), new Set([200]));
  }
});
