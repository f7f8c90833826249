import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BootEvidence, bootFailure } from '../../src/supervision/boot-failure.ts';

function failure(evidence: Partial<BootEvidence>): { reason: string; isHopeless: boolean } {
  return bootFailure({
    exit: { code: 1, signal: null, spawnFailure: null },
    listenFailure: null,
    tail: [],
    held: null,
    ownPorts: [],
    isToldWhere: false,
    timedOutAfterMs: null,
    app: 'server.js',
    cwd: '/app',
    ...evidence,
  });
}

test('names the place of a syntax error, and does not try again', () => {
  const tail = [
    '/app/lib/routes.js:12',
    'const = 1;',
    '      ^',
    '',
    "SyntaxError: Unexpected token '='",
    '    at wrapSafe',
  ];
  assert.deepEqual(failure({ tail }), {
    reason: "server.js failed to start: lib/routes.js:12: SyntaxError: Unexpected token '='",
    isHopeless: true,
  });
});

test('reads the place in an ES module', () => {
  const tail = [
    'file:///app/my%20lib/a.mjs:3',
    'x',
    '^',
    '',
    'ReferenceError: x is not defined',
    '    at file:///app/',
  ];
  assert.equal(failure({ tail }).reason, 'server.js failed to start: my lib/a.mjs:3: ReferenceError: x is not defined');
  assert.equal(failure({ tail }).isHopeless, false);
});

test('leaves out places inside Node', () => {
  const tail = [
    'node:internal/modules/cjs/loader:1207',
    '  throw err;',
    '  ^',
    '',
    "Error: Cannot find module 'express'",
  ];
  assert.deepEqual(failure({ tail }), {
    reason: "server.js failed to start: Error: Cannot find module 'express'",
    isHopeless: true,
  });
  const esm = ["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /app/server.mjs"];
  assert.equal(failure({ tail: esm }).isHopeless, true);
});

test('takes the error that ended it, not one that was logged before', () => {
  const tail = ['Error: cache is cold', '/app/db.js:7', 'throw e', '^', '', 'Error: database is away', '    at x'];
  assert.equal(failure({ tail }).reason, 'server.js failed to start: db.js:7: Error: database is away');
});

test('tells of ports', () => {
  const port = (code: string, number: number, address: string | null = null): ReturnType<typeof failure> =>
    failure({ listenFailure: { code, port: number, address } });
  assert.match(port('EADDRINUSE', 3000).reason, /^port 3000 is in use by another process; .+ --port$/);
  assert.match(port('EADDRINUSE', -1, '/run/app.sock').reason, /^\/run\/app\.sock is in use/);
  assert.match(port('EACCES', 80).reason, /^port 80 may not be opened by this user \(ports below 1024 are reserved\)/);
  assert.match(port('EACCES', 8080).reason, /^port 8080 may not be opened by this user; /);
  assert.match(port('EADDRNOTAVAIL', 80, '10.1.1.1').reason, /^10\.1\.1\.1 is no address of this machine/);
  assert.match(port('EINVAL', 80).reason, /^port 80 cannot be opened: EINVAL$/);
  assert.equal(port('EADDRINUSE', 3000).isHopeless, true);
});

test('tells of an app that never listened', () => {
  assert.match(
    failure({ timedOutAfterMs: 30_000 }).reason,
    /^server\.js did not listen on a port within 30 s; .+--boot-timeout$/,
  );
  const elsewhere = { timedOutAfterMs: 30_000, ownPorts: [3000] };
  assert.match(
    failure(elsewhere).reason,
    /^server\.js listens on port 3000, where Evener does not see it: .+ protocol: 'http' in the config file$/,
  );
  assert.match(
    failure({ ...elsewhere, isToldWhere: true }).reason,
    /listens on port 3000, and not where PORT and HOST/,
  );
  const ended = failure({ exit: { code: 0, signal: null, spawnFailure: null } });
  assert.match(ended.reason, /^server\.js ended without listening on a port \(exit code 0\)/);
  assert.equal(ended.isHopeless, true);
});

test('falls back on how it ended', () => {
  assert.equal(failure({}).reason, 'server.js ended before it listened: exit code 1');
  const killed = failure({ exit: { code: null, signal: 'SIGKILL', spawnFailure: null } });
  assert.deepEqual(killed, { reason: 'server.js ended before it listened: signal SIGKILL', isHopeless: false });
  const unspawned = failure({ exit: { code: null, signal: null, spawnFailure: 'spawn EAGAIN' } });
  assert.equal(unspawned.reason, 'server.js could not be started: spawn EAGAIN');
});

test('a command that the shell does not find is hopeless', () => {
  assert.equal(failure({ exit: { code: 127, signal: null, spawnFailure: null } }).isHopeless, true);
});
