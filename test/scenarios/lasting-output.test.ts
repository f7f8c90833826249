import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const MODULE = new URL('../../src/core/lasting-output.js', import.meta.url).href;

for (const [first, second] of [
  ['stdout', 'stderr'],
  ['stderr', 'stdout'],
  ['stdout', 'stdout'],
]) {
  test(`a line that a full disk has cut on ${first} is ended before the next on ${second}, where both go to one file`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'evt-output-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'log');
    // To a process a file that has reached its limit is as a disk that is full.
    const script = `
      import { execFileSync } from 'node:child_process';
      import { lastingOutput } from ${JSON.stringify(MODULE)};
      const limit = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=' + bytes + ':unlimited']);
      const outputs = { stdout: lastingOutput(process.stdout), stderr: lastingOutput(process.stderr) };
      limit(4);
      outputs.${first}.write('the first\\n');
      outputs.${second}.write('the second, which is lost\\n');
      limit('unlimited');
      outputs.${second}.write('the third\\n');
      outputs.${first}.write('the fourth\\n');
    `;
    const descriptor = openSync(path, 'a');
    const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', descriptor, descriptor],
    });
    closeSync(descriptor);
    const text = readFileSync(path, 'utf8');
    assert.equal(status, 0, text);
    assert.equal(text, 'the \nthe third\nthe fourth\n');
  });
}
