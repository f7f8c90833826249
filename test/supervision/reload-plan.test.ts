import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EvenerOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { changesOf } from '../../src/supervision/reload-plan.ts';
import { APPS } from '../support/evener-process.ts';

const BEFORE: EvenerOptions = {
  ...{ app: 'server.cjs', cwd: APPS, workers: 2, onIncident: () => {} },
  notify: [{ type: 'webhook', url: 'https://hooks.example/a' }],
};

function replacedBy(more: EvenerOptions): string[] {
  return [...changesOf(resolveOptions(BEFORE), resolveOptions({ ...BEFORE, ...more })).replaced];
}

test('a reload of the same options is for new code, another function for incidents or not', () => {
  assert.equal(replacedBy({ onIncident: () => {} }).length, 1);
});

test('what is looked at once, at the start, is named where it has changed', () => {
  const more = { name: 'other', threads: 7, exitOnCrashLoop: true, watch: true, queueLimit: 5 };
  const { atNextStart } = changesOf(resolveOptions(BEFORE), resolveOptions({ ...BEFORE, ...more }));
  assert.deepEqual(atNextStart, ['name', 'threads', 'exitOnCrashLoop', 'watch']);
});

test('a reload that changes limits, what is beside the apps, or what waits for the next start, leaves workers alone', () => {
  const changes: EvenerOptions[] = [
    { maxConnections: 500 },
    { maxConnectionsPerAddress: 10 },
    { queueLimit: 5 },
    { accessLog: 'access.log' },
    { admin: 9000 },
    { register: { etcd: 'etcd://127.0.0.1/s', url: 'http://10.0.0.5:80' } },
    { notify: [{ type: 'webhook', url: 'https://hooks.example/b' }] },
    { name: 'other' },
    { threads: 7 },
    { exitOnCrashLoop: true },
    { watch: true },
  ];
  for (const change of changes) assert.deepEqual(replacedBy(change), [], JSON.stringify(change));
  assert.equal(replacedBy({ nodeArgs: ['--no-warnings'] }).length, 1);
});

test('a reload replaces workers that were born with options which a failed one has brought', () => {
  const [before, failed] = [resolveOptions(BEFORE), resolveOptions({ ...BEFORE, env: { RELEASE: '2' } })];
  const after = resolveOptions({ ...BEFORE, queueLimit: 5 });
  const name = before.apps[0]!.name;
  assert.deepEqual([...changesOf(before, after, () => [...before.apps, ...failed.apps]).replaced], [name]);
  assert.deepEqual([...changesOf(before, after, () => before.apps).replaced], []);
});
