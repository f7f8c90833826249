import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

test('a few seconds of fuzzing find nothing', async (t) => {
  const child = spawn(process.execPath, [MAIN, '--seconds', '4'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 0, output);
  assert.match(output, /; seed \d+\n/);
  assert.ok(Number(/^(\d+) rounds, nothing found$/m.exec(output)?.[1]) >= 256, output);
  t.diagnostic(output.trim().replaceAll('\n', '; '));
});
