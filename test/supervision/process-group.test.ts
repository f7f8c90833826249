import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGroupAlive } from '../../src/supervision/process-group.ts';
import { withoutDescriptors } from '../support/without-descriptors.ts';

const MODULE = new URL('../../src/supervision/process-group.js', import.meta.url).href;

test('a group that has no member is not alive', () => {
  assert.equal(isGroupAlive(2 ** 22), false);
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
