/**
 * Runs every compiled test with the Node that runs this: Node 20 knows no globs in `--test`, later ones no folders.
 * Arguments narrow the choice to files whose path contains one of them.
 */
import { spawn } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Rooms whose tests start nothing and keep nothing. They share one process: to start one for each takes longer than they do. */
const TOGETHER: ReadonlySet<string> = new Set([
  'balancing',
  'bench',
  'config',
  'core',
  'exchange',
  'health',
  'http1',
  'link',
  'observability',
  'pool',
]);

/** One more than there are cores: tests wait for much, for a time-out above all. */
const AT_ONCE = availableParallelism() + 1;

const here = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const names = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js') && name.includes(sep))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
const together = names.filter((name) => TOGETHER.has(name.split(sep)[0]!));
const files = names.filter((name) => !together.includes(name)).map((name) => join(here, name));
// Another run may go on beside this one.
const path = join(here, `all-together-${process.pid}.test.js`);
if (together.length > 0) {
  writeFileSync(path, together.map((name) => `import './${name.replaceAll(sep, '/')}';\n`).join(''));
  files.unshift(path);
}

if (files.length === 0) {
  process.stderr.write(`no tests in ${here}${wanted.length > 0 ? ` match ${wanted.join(', ')}` : ''}\n`);
  process.exit(1);
}
const child = spawn(process.execPath, ['--test', `--test-concurrency=${AT_ONCE}`, '--enable-source-maps', ...files], {
  stdio: 'inherit',
});
child.on('exit', (code, signal) => {
  rmSync(path, { force: true });
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
