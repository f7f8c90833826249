import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { connectionsAllowed, descriptorShortage, openFilesLimit } from '../../src/supervision/open-files.ts';
import { APPS, EvenerProcess } from '../support/evener-process.ts';

const options = (more: object = {}) => resolveOptions({ app: 'server.cjs', cwd: APPS, workers: 2, ...more });

test('client connections get what descriptors are left by workers, threads and the rest', () => {
  const allowed = connectionsAllowed(1024, options());
  assert.ok(allowed > 700 && allowed < 1000, String(allowed));
  assert.ok(connectionsAllowed(1024, options({ workers: 20 })) < allowed);
  assert.ok(connectionsAllowed(1024, options({ threads: 4 })) < allowed);
});

test('where requests go on to servers each takes two', () => {
  const servers = options({ pools: { api: { servers: 'http://127.0.0.1:1', listen: 0 } } });
  assert.equal(connectionsAllowed(1024, servers), Math.floor(connectionsAllowed(1024, options()) / 2));
});

test('some are let in however few descriptors there are, and any number where there is no limit', () => {
  assert.equal(connectionsAllowed(64, options({ workers: 8 })), 16);
  assert.equal(connectionsAllowed(Number.POSITIVE_INFINITY, options()), Number.POSITIVE_INFINITY);
  assert.ok(openFilesLimit() >= 64);
});

test('too few for so many workers are told of at the start', async (context) => {
  assert.equal(descriptorShortage(1024, options()), null);
  assert.ok(descriptorShortage(256, options({ workers: 47 }))!.needed > 256);
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '30'], {
    launcher: ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'],
  });
  await evener.said(
    /^ {4}only 256 open files are allowed \(ulimit -n\), and \d+ may be needed: .+ start fewer workers$/m,
  );
});
