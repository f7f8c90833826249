import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isGroupAlive, signalGroup, sweepGroup } from '../../src/supervision/process-group.ts';
import { withoutDescriptors } from '../support/without-descriptors.ts';

const MODULE = new URL('../../src/supervision/process-group.js', import.meta.url).href;

test('a group that has no member is not alive', () => {
  assert.equal(isGroupAlive(2 ** 22), false);
});

test('a group that is ended by force is gone when it has been seen out', async (t) => {
  // What is large does not end at once.
  const script = "const large = Buffer.alloc(2 ** 28, 1); console.log('up'); setInterval(() => large, 1_000)";
  const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => signalGroup(child.pid!, 'SIGKILL'));
  await once(child.stdout, 'data');
  await sweepGroup(child.pid!, () => 0);
  assert.ok(!isGroupAlive(child.pid!));
});

test('a group counts as alive while no descriptor is left to look for its members', async () => {
  const said = await withoutDescriptors(`
    import { spawn } from 'node:child_process';
    import { isGroupAlive } from ${JSON.stringify(MODULE)};
    const child = spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
    take();
    console.log(isGroupAlive(child.pid));
    child.kill('SIGKILL');
    child.once('exit', () => console.log(isGroupAlive(child.pid)));
  `);
  assert.equal(said, 'true\nfalse\n');
});
