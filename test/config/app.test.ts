import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type App, resolveApp } from '../../src/config/app.ts';
import { EvenerError } from '../../src/core/evener-error.ts';

/** A folder with these files; those whose text begins with #! are executable. */
function folder(context: TestContext, files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), 'evener test '));
  context.after(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
    if (text.startsWith('#!')) chmodSync(join(path, name), 0o755);
  }
  return path;
}

function resolve(cwd: string, words: string[], args: string[] = [], path = ''): App {
  return resolveApp({ words, args, cwd, path });
}

test('finds a script as Node would', (context) => {
  const cwd = folder(context, {
    'server.js': '',
    'other.mjs': '',
    'typed.ts': '',
    'folder/index.js': '',
    'main/package.json': '{"main":"lib/start"}',
    'main/lib/start.js': '',
    bare: 'console.log(1)',
    'cli-of-node': '#!/usr/bin/env node\n',
  });
  const found: [string, string][] = [
    ['server.js', 'server.js'],
    ['./server', 'server.js'],
    ['server', 'server.js'],
    ['other', 'other.mjs'],
    ['typed', 'typed.ts'],
    ['folder', 'folder/index.js'],
    ['main', 'main/lib/start.js'],
    ['bare', 'bare'],
    ['cli-of-node', 'cli-of-node'],
  ];
  for (const [word, file] of found) {
    const app = resolve(cwd, [word], ['--x']);
    assert.deepEqual([app.form, app.file, app.args], ['script', join(cwd, file), ['--x']], word);
  }
});

test('finds a command: node_modules/.bin here, then above, then PATH', (context) => {
  const cwd = folder(context, {
    'node_modules/.bin/next': '#!/bin/sh\n',
    'packages/web/node_modules/.bin/vite': '#!/bin/sh\n',
    'path/npm': '#!/bin/sh\n',
    'path/next': '#!/bin/sh\n',
    'start.sh': '#!/bin/sh\n',
  });
  const web = join(cwd, 'packages/web');
  const path = join(cwd, 'path');
  assert.equal(resolve(web, ['vite', 'preview'], [], path).file, join(web, 'node_modules/.bin/vite'));
  assert.equal(resolve(web, ['next', 'start'], [], path).file, join(cwd, 'node_modules/.bin/next'));
  const npm = resolve(web, ['npm', 'start'], ['more'], path);
  assert.deepEqual([npm.form, npm.file, npm.args], ['command', join(path, 'npm'), ['start', 'more']]);
  assert.equal(resolve(cwd, ['./start.sh']).form, 'command');
});

test('a script wins over a command of the same name', (context) => {
  const cwd = folder(context, { 'serve.js': '', 'node_modules/.bin/serve': '#!/bin/sh\n' });
  assert.equal(resolve(cwd, ['serve']).form, 'script');
});

test('says what was looked for and where', (context) => {
  const cwd = folder(context, { 'data.txt': '#!/bin/sh' });
  const refusals: [string, RegExp][] = [
    ['server.js', /cannot find "server.js": no file .+server\.js$/],
    ['nope', /no script .+nope .*no command of that name in node_modules\/\.bin here or above, and none in PATH$/],
    ['./nope', /no script .+nope .*and no executable there$/],
  ];
  for (const [word, pattern] of refusals) {
    assert.throws(
      () => resolve(cwd, [word], [], '/nowhere'),
      (error) => error instanceof EvenerError && error.code === 'EVENER_APP_NOT_FOUND' && pattern.test(error.message),
      word,
    );
  }
});

test('says what bars the way to a script', (context) => {
  const cwd = folder(context, { 'server.js': '' });
  symlinkSync('loop', join(cwd, 'loop'));
  const cases: readonly (readonly [string, RegExp])[] = [
    ['server.js/server.js', /no file .+server\.js \(ENOTDIR: not a directory\)$/],
    ['loop/server.js', / \(ELOOP: .+\)$/],
    [`${'long'.repeat(100)}.js`, / \(ENAMETOOLONG: name too long\)$/],
  ];
  for (const [word, pattern] of cases) {
    assert.throws(
      () => resolve(cwd, [word]),
      (error) => error instanceof EvenerError && error.code === 'EVENER_APP_NOT_FOUND' && pattern.test(error.message),
      word,
    );
  }
});

test('takes a script and its arguments together where no others are named', (context) => {
  const cwd = folder(context, { 'server.js': '' });
  const app = resolveApp({ words: ['./server.js', 'verbose'], args: null, cwd, path: '' });
  assert.deepEqual([app.form, app.args], ['script', ['verbose']]);
});

test('refuses words behind a script, and says where they belong', (context) => {
  const cwd = folder(context, { 'server.js': '' });
  assert.throws(
    () => resolve(cwd, ['server.js', 'verbose'], ['x']),
    /unexpected "verbose" after the script server\.js: arguments for the app go after --, as in: evener server\.js -- verbose x/,
  );
});
