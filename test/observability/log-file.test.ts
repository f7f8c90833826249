import assert from 'node:assert/strict';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile } from '../../src/observability/log-file.ts';

test('says at first how it stands, since nobody knows what another of before has said, then what changes', (context) => {
  const base = mkdtempSync(join(tmpdir(), 'evt-log-'));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const told: (string | null)[] = [];
  const works = new LogFile(join(base, 'log'), (reason) => told.push(reason));
  works.reopen();
  works.close();
  assert.deepEqual(told.splice(0), [null]);
  const fails = new LogFile(base, (reason) => told.push(reason));
  fails.reopen();
  assert.deepEqual(told.splice(0), [`${base}: EISDIR; its lines are lost`]);
  rmSync(join(base, 'log'));
  rmdirSync(base);
  fails.reopen();
  fails.close();
  assert.deepEqual(told, [null]);
});
