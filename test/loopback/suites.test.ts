import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { LOOPBACK } from '../support/package-scripts.ts';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/loopback/', import.meta.url));

interface Run {
  readonly status: number | null;
  readonly passed: number;
  readonly output: string;
}

/** Runs a suite in a process of its own. */
function run(suite: string, isThrough: boolean): Run {
  const env: Record<string, string | undefined> = { ...process.env, THROUGH_EVENER: isThrough ? '1' : '0' };
  delete env.NODE_TEST_CONTEXT;
  const args = [...(isThrough ? ['--import', LOOPBACK] : []), '--test-reporter=tap', FOLDER + suite];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 300_000 });
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? -1);
  return { status, passed, output: `${stdout}${stderr}` };
}

for (const suite of readdirSync(FOLDER).filter((name) => name.endsWith('.test.cjs'))) {
  test(`the suite ${suite} passes through Evener as it does on Node alone`, { timeout: 660_000 }, () => {
    const alone = run(suite, false);
    assert.equal(alone.status, 0, alone.output);
    const through = run(suite, true);
    assert.equal(through.status, 0, through.output);
    assert.equal(through.passed, alone.passed);
    assert.ok(through.passed > 10, through.output);
  });
}
