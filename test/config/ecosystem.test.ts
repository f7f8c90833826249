import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ecosystemFile, translateEcosystem } from '../../src/config/ecosystem.ts';
import type { AppEntry } from '../../src/config/options.ts';

function translated(value: unknown): { apps: Record<string, AppEntry>; notes: readonly string[] } {
  const { options, notes } = translateEcosystem(ecosystemFile(value, false)!, '/srv');
  return { apps: options.apps as Record<string, AppEntry>, notes };
}

test("takes the forms that PM2's file may have", () => {
  const one = { name: 'api', script: 'api.js' };
  for (const value of [{ apps: [one] }, [one], one, { name: 'api', exec: 'api.js' }]) {
    const { apps } = translated(value);
    assert.deepEqual(Object.keys(apps), ['api']);
    assert.deepEqual(apps.api!.app, ['api.js']);
  }
  for (const value of [null, 'api.js', [], {}, { apps: [] }, { app: 'api.js' }])
    assert.equal(ecosystemFile(value, false), null);
  for (const value of [one, [one]])
    assert.equal(ecosystemFile(value, true), null, 'by the name of the file it is ours');
});

test('waits for what the app says where PM2 does', () => {
  const { apps, notes } = translated([
    { name: 'a', script: 'a.js', wait_ready: true },
    { name: 'b', script: 'b.js', wait_ready: false },
  ]);
  assert.equal(apps.a!.ready, 'message');
  assert.equal(apps.b!.ready, undefined);
  assert.deepEqual(notes, []);
});

test('keeps every app where several have one name', () => {
  const { apps } = translated(['a.js', 'b.js', 'b.js'].map((script) => ({ name: 'my app', script })));
  assert.deepEqual(
    Object.entries(apps).map(([name, { app }]) => [name, app]),
    [
      ['my-app', ['a.js']],
      ['my-app-1', ['b.js']],
      ['my-app-2', ['b.js']],
    ],
  );
});

test('names what has no meaning here, by whatever name, and not what changes nothing', () => {
  const { notes } = translated({
    script: 'a.js',
    watch: false,
    time: false,
    autorestart: true,
    cron: '0 0 * * *',
    err: 'a.log',
    user: 'www',
    colour: 'red',
  });
  assert.deepEqual(
    notes.map((note) => note.split(':')[0]),
    ['cron', 'err', 'user', 'colour'].map((key) => `${key} has no meaning here`),
  );
});

test('gives an interpreter its own flags', () => {
  const { apps } = translated([
    { name: 'py', script: 'a.py', exec_interpreter: 'python3', interpreter_args: '-u -O' },
    { name: 'js', script: 'a.js', node_args: '--enable-source-maps' },
  ]);
  assert.deepEqual([apps.py!.app, apps.py!.nodeArgs], [['python3', '-u', '-O', 'a.py'], []]);
  assert.deepEqual([apps.js!.app, apps.js!.nodeArgs], [['a.js'], ['--enable-source-maps']]);
});
