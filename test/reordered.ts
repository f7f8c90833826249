/**
 * Runs the tests while every process of theirs is shown its sockets in another order than they became ready in (see
 * `reordered.c`): what a test, or Evener, takes for granted of the order of connections fails here in minutes, and
 * otherwise once in a hundred runs of a busy machine. Arguments are passed on to the tests' runner. Needs a C compiler.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('run.js', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../test/reordered.c', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'evener-reordered-'));
try {
  const library = join(folder, 'reordered.so');
  const compiled = spawnSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], {
    stdio: 'inherit',
  });
  if (compiled.status !== 0) throw new Error(`cc: ${compiled.error?.message ?? 'cannot compile test/reordered.c'}`);
  const env = { ...process.env, LD_PRELOAD: library };
  process.exitCode =
    spawnSync(process.execPath, [RUNNER, ...process.argv.slice(2)], { stdio: 'inherit', env }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
