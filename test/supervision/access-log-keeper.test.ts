import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AccessLogOptions } from '../../src/config/options.ts';
import { AccessLogKeeper } from '../../src/supervision/access-log-keeper.ts';
import type { SupervisorEvent } from '../../src/supervision/events.ts';

const KEEP = 3;

interface Kept {
  readonly base: string;
  readonly file: string;
  readonly options: AccessLogOptions;
  readonly keeper: AccessLogKeeper;
  readonly told: SupervisorEvent[];
  reopened(): number;
}

/** A log that is too large after each {@link grow}. */
function kept(context: TestContext): Kept {
  const base = mkdtempSync(join(tmpdir(), 'evt-log-'));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const file = join(base, 'log');
  const told: SupervisorEvent[] = [];
  let reopened = 0;
  const options: AccessLogOptions = {
    ...{ file, format: 'json', maxBytes: 4, keep: KEEP },
    ...{ hasQuery: false, requestIdHeader: null },
  };
  const keeper = new AccessLogKeeper(options, {
    reopen: () => {
      reopened++;
    },
    emit: (event) => told.push(event),
  });
  context.after(() => keeper.close());
  return { base, file, options, keeper, told, reopened: () => reopened };
}

function contents(base: string): Record<string, string> {
  return Object.fromEntries(readdirSync(base).map((name) => [name, readFileSync(join(base, name), 'utf8')]));
}

test('as many as are kept, the oldest goes', async (context) => {
  const { base, file, keeper, told, reopened } = kept(context);
  for (const text of ['first', 'second', 'third', 'fourth', 'fifth']) {
    writeFileSync(file, text);
    await keeper.look();
  }
  assert.deepEqual(contents(base), { 'log.1': 'fifth', 'log.2': 'fourth', 'log.3': 'third' });
  assert.equal(reopened(), 5);
  assert.deepEqual(told, []);
});

test('moves none on where there is room, so that trying again and again loses nothing', async (context) => {
  const { base, file, keeper } = kept(context);
  writeFileSync(`${file}.2`, 'second');
  writeFileSync(`${file}.3`, 'third');
  writeFileSync(file, 'fourth');
  await keeper.look();
  assert.deepEqual(contents(base), { 'log.1': 'fourth', 'log.2': 'second', 'log.3': 'third' });
});

test('tells once that a log cannot be renamed and grows beyond its limit, and that it can again', async (context) => {
  const { file, keeper, told } = kept(context);
  mkdirSync(`${file}.3`);
  for (const name of [file, `${file}.1`, `${file}.2`]) writeFileSync(name, 'large');
  for (let i = 0; i < 3; i++) await keeper.look();
  assert.deepEqual(told.splice(0), [{ type: 'access-log-rotation-failed', reason: `${file}.2: EISDIR` }]);
  assert.equal(readFileSync(file, 'utf8'), 'large');
  rmSync(`${file}.3`, { recursive: true });
  await keeper.look();
  assert.deepEqual(told, [{ type: 'access-log-rotation-works' }]);
});

test('threads open anew what it cannot see, and say themselves what is wrong', async (context) => {
  const { base, keeper, reopened } = kept(context);
  rmSync(base, { recursive: true });
  // ENOTDIR, and not ENOENT.
  writeFileSync(base, '');
  await keeper.look();
  assert.equal(reopened(), 1);
});

test('tells of another file that it cannot be written, though that was told of the one before', (context) => {
  const { keeper, options, told } = kept(context);
  keeper.threadSaid(0, 'one');
  keeper.threadSaid(1, 'one');
  keeper.configure({ ...options, keep: 1 });
  keeper.threadSaid(0, 'one');
  assert.deepEqual(told.splice(0), [{ type: 'access-log-failed', reason: 'one' }]);
  keeper.configure({ ...options, file: 'other' });
  keeper.threadSaid(0, null);
  keeper.threadSaid(1, null);
  assert.deepEqual(told, []);
  keeper.threadSaid(0, 'other');
  assert.deepEqual(told, [{ type: 'access-log-failed', reason: 'other' }]);
});
