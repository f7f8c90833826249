import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileSource, parseServerList } from '../../src/discovery/file-source.ts';
import { DEFAULTS, Told } from './support.ts';

const A = 'http://10.0.0.1:80';
const B = 'http://10.0.0.2:80';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evf-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function watching(t: TestContext, path: string): Told {
  const told = new Told();
  const source = new FileSource({ kind: 'file', path }, DEFAULTS, told);
  t.after(() => source.close());
  return told;
}

test('reads lists in JSON and line by line', () => {
  const defaults = { ...DEFAULTS, weight: 5, zone: 'here' };
  const read = (text: string): unknown => {
    const servers = parseServerList(text, defaults);
    if (typeof servers === 'string') return servers;
    return servers.map(({ url, weight, isBackup, zone }) => [url, weight, isBackup, zone]);
  };
  assert.deepEqual(read(`["${A}", {"url": "${B}", "weight": 2, "backup": true, "zone": "there"}]`), [
    [A, 5, false, 'here'],
    [B, 2, true, 'there'],
  ]);
  assert.deepEqual(read(`{"servers": ["${A}"]}`), [[A, 5, false, 'here']]);
  assert.deepEqual(read(`# ours\n${A}\n\n  ${B} # the other\r\n`), [
    [A, 5, false, 'here'],
    [B, 5, false, 'here'],
  ]);
  assert.deepEqual(read('[]'), []);
});

test('takes a list whole or not at all', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    [' \n', /empty/],
    [`["${A}"`, /not JSON/],
    ['{"server": []}', /a list of servers/],
    [`["${A}", 5]`, /server 2: url: expected/],
    [`["${A}", {"url": "${B}", "wight": 2}]`, /server 2: wight: expected no such key/],
    [`["${A}", {"url": "${B}", "weight": 0}]`, /server 2: weight: expected a whole number/],
    ['["dns://api:80"]', /server 1: url: expected http/],
    [`${A}\nnot a url at all\n`, /line 2: url/],
    [`${A}\n${B}`, /no end/],
  ];
  for (const [text, message] of bad) assert.match(String(parseServerList(text, DEFAULTS)), message, text);
});

test('follows a file that is written anew, replaced, broken, deleted and there again', async (t) => {
  const path = join(folder(t), 'servers.json');
  const told = watching(t, path);
  await told.fails(/ENOENT/);
  writeFileSync(path, JSON.stringify([A]));
  await told.names(A);
  await told.works();
  writeFileSync(`${path}.new`, JSON.stringify([A, B]));
  renameSync(`${path}.new`, path);
  await told.names(A, B);
  writeFileSync(path, `["${A}", "htt`);
  await told.fails(/not JSON/);
  await told.names(A, B);
  rmSync(path);
  await told.fails(/ENOENT/);
  await told.names(A, B);
  writeFileSync(path, `${B}\n`);
  await told.names(B);
  await told.works();
});

test('does not wait for what is no file, and reads the one that takes its place', async (t) => {
  const path = join(folder(t), 'servers');
  execFileSync('mkfifo', [path]);
  const told = watching(t, path);
  await told.fails(/it is no regular file/);
  rmSync(path);
  writeFileSync(path, `${A}\n`);
  await told.names(A);
  await told.works();
  rmSync(path);
  symlinkSync('/dev/zero', path);
  await told.fails(/it is no regular file/);
  await told.names(A);
});

test('sees that a link on the way leads elsewhere, as in a mounted ConfigMap', async (t) => {
  const at = folder(t);
  for (const [name, url] of [
    ['one', A],
    ['two', B],
  ] as const) {
    mkdirSync(join(at, name));
    writeFileSync(join(at, name, 'servers'), `${url}\n`);
  }
  symlinkSync('one', join(at, '..data'));
  symlinkSync('..data/servers', join(at, 'servers'));
  const told = watching(t, join(at, 'servers'));
  await told.names(A);
  symlinkSync('two', join(at, 'next'));
  renameSync(join(at, 'next'), join(at, '..data'));
  await told.names(B);
});
