import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from '../../src/cli/arguments.ts';
import type { EvenerOptions } from '../../src/index.ts';

function run(...argv: string[]): EvenerOptions {
  const request = parseCommandLine(argv);
  assert.ok(request.kind === 'run');
  return request.options;
}

test('takes options before and after the app', () => {
  const expected = { app: ['npm', 'start'], args: [], workers: '2', name: 'x' };
  assert.deepEqual(run('--workers', '2', 'npm', 'start', '--name=x'), expected);
  assert.deepEqual(run('npm', 'start', '-w', '2', '--name', 'x'), expected);
  assert.deepEqual(run('run', 'npm', '-w2', 'start', '--name', 'x'), expected);
});

test('gives the app what follows --', () => {
  assert.deepEqual(run('server.js', '--', '--workers', '3', '--', 'x'), {
    app: ['server.js'],
    args: ['--workers', '3', '--', 'x'],
  });
  assert.deepEqual(run('-w', '4', '--', 'python', 'app.py', '-p'), { app: ['python', 'app.py', '-p'], workers: '4' });
});

test('a verb of ours may be a script behind run', () => {
  assert.deepEqual(run('run', 'status'), { app: ['status'], args: [] });
});

test('leaves what to run to a config file where nothing is named', () => {
  assert.deepEqual(parseCommandLine([]), { kind: 'run', config: null, json: false, options: {} });
  assert.deepEqual(parseCommandLine(['--config', 'a.ts', '-w', '2']), {
    kind: 'run',
    config: 'a.ts',
    json: false,
    options: { workers: '2' },
  });
  assert.deepEqual(parseCommandLine(['check', '--json', 's.js']), {
    kind: 'check',
    config: null,
    json: true,
    options: { app: ['s.js'], args: [] },
  });
  assert.throws(() => parseCommandLine(['--config']), /--config needs a value: expected a file, got nothing/);
  assert.throws(() => parseCommandLine(['s.js', '--json']), /--json goes with commands that print facts/);
});

test('knows flags', () => {
  assert.deepEqual(run('server.js', '--exit-on-crash-loop'), { app: ['server.js'], args: [], exitOnCrashLoop: true });
  assert.equal(parseCommandLine(['server.js', '-h']).kind, 'help');
  assert.equal(parseCommandLine(['-v']).kind, 'version');
  assert.equal(parseCommandLine(['--version', '--help']).kind, 'version');
});

test('refuses what it does not understand, and says what would do', () => {
  const refusals: [string[], RegExp][] = [
    [['--'], /a command is expected after --/],
    [['s.js', '--wokers', '2'], /unknown option --wokers: did you mean --workers\?/],
    [['s.js', '--queue', '2'], /did you mean --queue-limit\?/],
    [['s.js', '--zzz'], /unknown option --zzz: see evener --help \(options for the app go after --\)/],
    [['s.js', '-x'], /unknown option -x: see evener --help/],
    [['s.js', '--port'], /--port needs a value: expected a whole number, 0-65535, got nothing/],
    [['s.js', '--port', '--name', 'x'], /--port needs a value: .+, got "--name"/],
    [['s.js', '--port='], /--port needs a value: .+, got ""/],
    [['s.js', '--exit-on-crash-loop=yes'], /--exit-on-crash-loop takes no value, got "yes"/],
    [['s.js', '--help=x'], /--help takes no value/],
  ];
  for (const [argv, pattern] of refusals) assert.throws(() => parseCommandLine(argv), pattern, argv.join(' '));
});

test('says how to write a command with options of its own', () => {
  const lines: [string, string][] = [
    ['node --import tsx app.ts', 'node, write: evener -- node --import tsx app.ts'],
    ['npx ts-node -T app.ts -w 2', 'npx, write: evener -w 2 -- npx ts-node -T app.ts'],
    [
      '-w2 node -r dotenv/config --name=x main.js -- y',
      'node, write: evener -w2 --name=x -- node -r dotenv/config main.js -- y',
    ],
    ['run node --zzz run', 'node, write: evener run -- node --zzz run'],
  ];
  for (const [line, told] of lines) {
    const refused = (error: Error): boolean => error.message.endsWith(` (if it is for ${told})`);
    assert.throws(() => parseCommandLine(line.split(' ')), refused, line);
    const [, written] = told.split(': evener ');
    assert.deepEqual(run(...written!.split(' ')).app?.[0], line.includes('npx') ? 'npx' : 'node');
  }
  assert.throws(() => parseCommandLine(['node', '--eval=a b']), /write: evener -- node '--eval=a b'\)$/);
  assert.throws(() => parseCommandLine(['proxy', 'http://a', '--zzz']), /unknown option --zzz: see evener --help$/);
});

test('takes the file of a log where it cannot be the script', () => {
  assert.deepEqual(run('s.js', '--access-log', 'a.log'), { app: ['s.js'], args: [], accessLog: 'a.log' });
  assert.deepEqual(run('s.js', '--access-log', '-w', '2'), { app: ['s.js'], args: [], accessLog: true, workers: '2' });
  assert.deepEqual(run('s.js', '--access-log'), { app: ['s.js'], args: [], accessLog: true });
  assert.deepEqual(run('--access-log', 's.js'), { app: ['s.js'], args: [], accessLog: true });
  assert.deepEqual(run('run', '--access-log', 's.js'), { app: ['s.js'], args: [], accessLog: true });
  assert.deepEqual(run('--access-log=a.log', 's.js'), { app: ['s.js'], args: [], accessLog: 'a.log' });
});
