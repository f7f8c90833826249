import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startsAnApp } from '../../src/cli/command-words.ts';
import { VERBS } from '../../src/cli/verb-arguments.ts';

test('what starts an app, or servers', () => {
  const lines = ['server.js', 'run server.js', 'server.js -w 2 -- --help', '-- python3 app.py', 'proxy http://a', ''];
  for (const line of lines) assert.ok(startsAnApp(line.split(' ').filter((word) => word !== '')), line);
});

test('what starts nothing', () => {
  const lines = [...Object.keys(VERBS), 'check', 'init systemd', '--help', '-h', 'server.js --version', 'run -v'];
  for (const line of lines) assert.ok(!startsAnApp(line.split(' ')), line);
});
