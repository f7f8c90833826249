import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { ExchangeState } from '../../src/exchange/exchange.ts';
import { FrameType } from '../../src/link/frames.ts';
import { stepOf, WorkerEvent, WorkerState } from '../../src/supervision/worker-state.ts';
import { REPOSITORY, readPage, tableOf } from './pages.ts';

const PAGE = readPage('ARCHITECTURE.md');

test('ARCHITECTURE.md has every frame of the link', () => {
  const table = tableOf(PAGE, ['frame', 'number', 'from', 'payload and meaning']);
  assert.deepEqual(
    table.map(([name, number]) => [name, Number(number)]),
    Object.entries(FrameType),
  );
});

test('ARCHITECTURE.md has every state of an exchange', () => {
  const table = tableOf(PAGE, ['state', 'means', 'leaves by']);
  assert.deepEqual(
    table.map(([state]) => state),
    Object.keys(ExchangeState),
  );
});

test('ARCHITECTURE.md has the table of the life of a worker', () => {
  const states = Object.entries(WorkerState);
  const nameOf = (state: WorkerState): string => states.find(([, number]) => number === state)![0];
  const rows = states.map(([name, state]) => {
    const steps = Object.values(WorkerEvent).map((event) => {
      const { next, act } = stepOf(state, event);
      return next === state && act === 'none' ? '–' : `${nameOf(next)}: ${act}`;
    });
    return [`**${name}**`, ...steps];
  });
  assert.deepEqual(tableOf(PAGE, ['', ...Object.keys(WorkerEvent)]), rows);
});

test('ARCHITECTURE.md says of each room what the linter says', () => {
  const rules = readPage('biome.json').matchAll(/"src\/(\w+) may import only: (.+) \(see /g);
  const allowed = new Map([...rules].map(([, room, rooms]) => [room!, rooms!]));
  const table = tableOf(PAGE, ['room', 'what is in it', 'may import']);
  assert.deepEqual(
    new Map(table.map(([room, , rooms]) => [room!.replace(/[`/]/g, ''), rooms!] as const).sort()),
    new Map([...allowed].sort()),
  );
  const folders = readdirSync(`${REPOSITORY}src`, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(
    folders.map(({ name }) => name).filter((name) => !allowed.has(name)),
    [],
  );
});
