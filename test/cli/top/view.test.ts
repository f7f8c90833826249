import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { PLAIN, paintFor } from '../../../src/cli/tables.ts';
import { keysOf, Screen, type Terminal } from '../../../src/cli/top/terminal.ts';
import { HELP, linesOf, type View } from '../../../src/cli/top/view.ts';
import type { WorkerStatus } from '../../../src/control/control-target.ts';
import { incident, status, worker } from '../samples.ts';

function view(workers: readonly WorkerStatus[], more: Partial<View> = {}): View {
  const rates = new Map([['1 10001', 310]]);
  return { status: status(workers), incidents: [], rates, selected: 0, message: '', page: null, ...more };
}

const SIZES: readonly (readonly [number, number])[] = [
  [80, 24],
  [160, 50],
  [60, 12],
  [40, 8],
  [20, 3],
];

test('fills any terminal exactly, whatever there is to show', () => {
  const colours = paintFor({ isTTY: true });
  for (const count of [0, 1, 4, 100]) {
    const workers = Array.from({ length: count }, (_, slot) => worker(slot));
    for (const incidents of [[], [incident('it hangs')], Array.from({ length: 30 }, () => incident('x'.repeat(300)))]) {
      for (const page of [null, HELP]) {
        for (const [columns, rows] of SIZES) {
          const lines = linesOf(view(workers, { incidents, page }), columns, rows, colours);
          assert.equal(lines.length, rows, `${columns}x${rows}`);
          for (const line of lines) {
            const shown = stripVTControlCharacters(line);
            assert.ok([...shown].length <= columns, `${columns}x${rows}: ${shown}`);
          }
        }
      }
    }
  }
});

test('says of which app an incident is where there are several', () => {
  const several = status([worker(0)]);
  const apps = [several.apps[0]!, { ...several.apps[0]!, name: 'api' }];
  const shown = { ...view([worker(0)], { incidents: [incident('it hangs')] }), status: { ...several, apps } };
  assert.match(linesOf(shown, 80, 24, PLAIN).join('\n'), /^ \d\d:\d\d:\d\d worker web:1: it hangs \(2 times\)$/m);
});

test('leaves room for the figures beside long names', () => {
  const name = 'order-processing-of-the-warehouse-in-the-north-and-of-all-that-belong-to-it';
  const workers = [worker(0, { id: `${name}:0` }), worker(1, { id: 'api:1' })];
  const { apps, ...rest } = status(workers);
  const shown = {
    ...rest,
    apps: [
      { ...apps[0]!, name },
      { ...apps[0]!, name: 'api' },
    ],
  };
  const incidents = [{ ...incident('it hangs'), app: name }];
  const text = linesOf(view(workers, { status: shown, incidents }), 80, 24, PLAIN).join('\n');
  assert.match(text, /^ order-proces…-belong-to-it: 1234 req\/s {2}0\.5 err\/s {2}p50 1\.2 ms/m);
  assert.match(text, /^>order-proces…elong-to-it:0 .* ready .*51 MB .*35 %/m);
  assert.match(text, /^ api:1 .* ready .*51 MB .*35 %/m);
  assert.match(text, / worker order-proces…elong-to-it:1: it hangs \(2 times\)$/m);
});

test('shows incidents that last before those that are over', () => {
  const closedAt = '2026-11-24T07:00:00.000Z';
  const incidents = [{ ...incident('was silent'), closedAt }, incident('no worker is up'), incident('exit code 3')];
  const lines = linesOf(view([worker(0)], { incidents }), 80, 24, PLAIN);
  const from = lines.indexOf(' INCIDENTS') + 1;
  const causes = lines.slice(from, from + 3).map((line) => /: (.*) \(2 times\)/.exec(line)?.[1]);
  assert.deepEqual(causes, ['no worker is up', 'exit code 3', 'was silent']);
});

test('shows the instance, its app, its workers and its incidents at 80x24', () => {
  const workers = [
    worker(0),
    worker(1, { state: 'stalled' }),
    worker(2, { pid: null, state: 'waiting', memory: null }),
  ];
  const text = linesOf(view(workers, { incidents: [incident('it hangs in crunch')] }), 80, 24, PLAIN).join('\n');
  assert.match(text, /^ web {2}running, up 2 h 5 min, pid 9999, 1 of 3 ready, 64 connections$/m);
  assert.match(
    text,
    /^ 1234 req\/s {2}0\.5 err\/s {2}p50 1\.2 ms {2}p95 8\.0 ms {2}p99 20 ms {2}http:\/\/localhost:3000$/m,
  );
  assert.match(text, /^ 12 in flight {2}5 queued {2}1234567 requests {2}2 retried {2}3 moved {2}4 shed$/m);
  assert.match(text, /^ ID .*STATE .*REQ\/S .*IN FL .*MEMORY .*DELAY .*BUSY/m);
  assert.match(text, /^>0 .*ready .*3 .*51 MB .*2\.0 ms .*35 %/m);
  assert.match(text, /^ 1 .*stalled +310 /m);
  assert.match(text, /^ 2 .*waiting +- +3 +- +- +- /m);
  assert.match(text, /^ INCIDENTS\n \d\d:\d\d:\d\d worker 1: it hangs in crunch \(2 times\)$/m);
  assert.match(text, /q quit$/);
});

test('keeps the chosen worker in sight among many', () => {
  const workers = Array.from({ length: 100 }, (_, slot) => worker(slot));
  for (const selected of [0, 50, 99]) {
    const lines = linesOf(view(workers, { selected }), 80, 24, PLAIN);
    assert.ok(
      lines.some((line) => line.startsWith(`>${selected} `)),
      String(selected),
    );
  }
});

test('lets nothing that an app says steer the terminal', () => {
  const [odd] = [incident('\x1b[2J\x07gone\r\nnext')];
  const lines = linesOf(view([worker(0)], { incidents: [odd!], message: 'a\x1bc' }), 80, 24, PLAIN);
  assert.ok(lines.every((line) => !/[\x00-\x1f\x7f-\x9f]/.test(line)));
});

test('tells keys from one another', () => {
  assert.deepEqual(keysOf('q\x1b[A\x1b[Bj\x03+'), ['q', '\x1b[A', '\x1b[B', 'j', '\x03', '+']);
  assert.deepEqual(keysOf('\x1bOA\x1b[15~'), ['\x1bOA', '\x1b[15~']);
});

test('writes only the lines that have changed', () => {
  let written = '';
  const terminal = {
    columns: 80,
    rows: 24,
    write: (text: string) => {
      written += text;
    },
  } as Terminal;
  const screen = new Screen(terminal);
  screen.draw(['one', 'two', 'three']);
  assert.equal([...written.matchAll(/\x1b\[\d+;1H/g)].length, 3);
  written = '';
  screen.draw(['one', 'TWO', 'three']);
  assert.equal(written, '\x1b[?2026h\x1b[2;1HTWO\x1b[0m\x1b[K\x1b[?2026l');
  written = '';
  screen.draw(['one', 'TWO', 'three']);
  assert.equal(written, '');
});

test('what is longer than a line goes on in the next', () => {
  const page = [
    'worker 2 (pid 4711) is not blocked: its event loop turns, busy 4 % of the time',
    '    in flight for 0 ms: GET /a',
  ];
  const lines = linesOf(view([worker(0)], { page }), 40, 16, PLAIN);
  const shown = lines.slice(lines.indexOf('') + 1).slice(0, 3);
  assert.deepEqual(shown, [
    ' worker 2 (pid 4711) is not blocked: its',
    '   event loop turns, busy 4 % of the',
    '   time',
  ]);
  assert.ok(lines.includes('     in flight for 0 ms: GET /a'));
  assert.ok(linesOf(view([worker(0)], { page: ['x'.repeat(100)] }), 40, 16, PLAIN).every((line) => line.length <= 40));
});
