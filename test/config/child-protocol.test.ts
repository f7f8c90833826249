import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { childProtocolOf } from '../../src/config/child-protocol.ts';

const folder = mkdtempSync(join(tmpdir(), 'evk-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

function command(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

function protocolOf(file: string, hasPort: boolean, form: 'script' | 'command' = 'command') {
  return childProtocolOf({ form, file, args: [], cwd: folder, words: [file] }, 'auto', hasPort);
}

const ELF = '\x7fELF\x02\x01';
symlinkSync(command('busybox', ELF), join(folder, 'ash-link'));

for (const [what, file, without, withPort] of [
  ['a package manager', command('npm', '#!/usr/bin/env node\n'), 'link', 'link'],
  ['a command of a package', command('next', '#!/usr/bin/env node\n'), 'link', 'link'],
  ['one with flags for its Node', command('tool', '#!/usr/bin/env -S node --no-warnings\n'), 'link', 'link'],
  ['a shell', command('bash', ELF), 'link', 'either'],
  ['a script for a shell', command('start', '#!/bin/sh\n'), 'link', 'either'],
  ['a link to a shell', join(folder, 'ash-link'), 'link', 'either'],
  ['Python', command('python3.12', ELF), 'http', 'http'],
  ['a script for Python', command('gunicorn', '#!/usr/bin/python3\n'), 'http', 'http'],
  ['a script for Ruby found by env', command('puma', '#!/usr/bin/env ruby\n'), 'http', 'http'],
  ['a program', command('server', ELF), 'http', 'http'],
] as const) {
  test(`${what} is reached by ${without}, with a known port by ${withPort}`, () => {
    assert.equal(protocolOf(file, false), without);
    assert.equal(protocolOf(file, true), withPort);
  });
}

test('a script is Node whatever it is called', () => {
  assert.equal(protocolOf(command('python', ''), true, 'script'), 'link');
});

test('the options have the last word', () => {
  const app = { form: 'command', file: command('ruby', ELF), args: [], cwd: folder, words: ['ruby'] } as const;
  assert.equal(childProtocolOf(app, 'link', true), 'link');
  assert.equal(childProtocolOf({ ...app, form: 'script' }, 'http', false), 'http');
});
