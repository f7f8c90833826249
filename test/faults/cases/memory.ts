import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { Load } from '../../support/load.ts';
import { workerPids } from '../../support/worker-pids.ts';
import { ms, type Scenario } from '../scenario.ts';

const LIMIT_MB = 120;

export const leak: Scenario = {
  name: 'leak',
  event: `workers leak 1 MB a request (\`--max-memory ${LIMIT_MB}MB\`)`,
  promise: 'replaced one at a time, the new one ready first; nothing is lost',
  async run(rig) {
    const { evener, url, living } = await rig.app(2, { options: ['--max-memory', `${LIMIT_MB}MB`] });
    const load = new Load(() => `${url}/leak`, { method: 'GET', rate: 20, durationMs: 10_000, connections: 32 });
    let peakBytes = 0;
    let fewest = 2;
    const watch = setInterval(async () => {
      const known = workerPids(evener).length;
      const pids = living();
      peakBytes = Math.max(peakBytes, ...pids.map(residentBytes));
      // Of those that were ready by then it may have been told, but not heard, yet.
      await turn();
      fewest = Math.min(fewest, pids.length + workerPids(evener).length - known);
    }, 50);
    rig.after(() => clearInterval(watch));
    await load.run();
    assert.deepEqual(load.outcomes, { 200: load.attempts.length });
    const replaced = evener.count(/replacing it/);
    assert.ok(replaced >= 1, 'none was replaced');
    assert.equal(fewest, 2, 'there were fewer than two');
    return {
      requests: load.attempts.length,
      failed: 0,
      replaced,
      'largest worker': `${Math.round(peakBytes / 1e6)} MB`,
      p99: ms(load.percentileMs(99)),
    };
  },
};

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
