import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import { INIT_TARGETS, initWords } from '../../src/cli/init/init-arguments.ts';
import { readPage } from './pages.ts';

test('docs/deploy.md shows commands that can be given, one for each target', () => {
  const lines = [...readPage('docs/deploy.md').matchAll(/^ {4}evener (init .+)$/gm)];
  const commands = lines.map(([, text]) => text!.split(' '));
  assert.deepEqual(
    commands.map(([, target]) => target),
    [...INIT_TARGETS],
  );
  for (const command of commands) assert.equal(parseCommandLine(['run', ...initWords(command)!.rest]).kind, 'run');
});
