/**
 * Runs the tests with every Node that Evener is made for, each taken from the npm package `node`. Arguments are passed
 * on to the tests' runner.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAJORS = ['20', '22', '24', '26'];
const RUNNER = fileURLToPath(new URL('run.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'evener-matrix-'));
const failed: string[] = [];
try {
  for (const major of MAJORS) {
    const node = install(major);
    if (node === null || !passes(node)) failed.push(major);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(
  failed.length === 0 ? `passed on Node ${MAJORS.join(', ')}\n` : `failed on ${failed.join(', ')}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The folder with that Node's binary; null when it could not be had. */
function install(major: string): string | null {
  const prefix = join(folder, major);
  mkdirSync(prefix);
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', prefix];
  const { status } = spawnSync('npm', [...args, `node@${major}`], { stdio: 'inherit' });
  return status === 0 ? join(prefix, 'node_modules', 'node', 'bin') : null;
}

function passes(bin: string): boolean {
  // First in PATH too: what a package's script calls `node` has to be the same one.
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  const node = join(bin, 'node');
  process.stdout.write(`\nNode ${spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout}\n`);
  return spawnSync(node, [RUNNER, ...process.argv.slice(2)], { stdio: 'inherit', env }).status === 0;
}
