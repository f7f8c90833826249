import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeWorkerBirth,
  nodeOptionsWith,
  nodeOptionsWithout,
  WORKER_BIRTH_VARIABLE,
} from '../../src/channel/worker-birth.ts';
import type { EvenerOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import { type WorkerCommand, workerCommand } from '../../src/supervision/worker-command.ts';
import { APPS } from '../support/evener-process.ts';

const PRELOAD = new URL('file:///a%20folder/preload.cjs');
const PATH = '/a folder/preload.cjs';
const birth = {
  version: 1,
  slot: 3,
  worker: 17,
  token: 'ab'.repeat(16),
  linkPaths: ['/run/x/link-0.sock'],
  travels: false,
};

function command(options: Partial<EvenerOptions>): WorkerCommand {
  return workerCommand(resolveOptions({ app: 'server.cjs', cwd: APPS, env: {}, ...options }).apps[0]!, birth, PRELOAD);
}

test('a script runs under our Node with the preload and an ipc channel', () => {
  const { file, args, cwd, ipc, env } = command({ args: ['--x'], env: { HOST: '::1', NODE_OPTIONS: '--no-warnings' } });
  assert.equal(file, process.execPath);
  assert.deepEqual(args.slice(-4), ['--require', PATH, `${APPS}server.cjs`, '--x']);
  assert.equal(`${cwd}/`, APPS);
  assert.equal(ipc, true);
  assert.deepEqual(
    { ...env, [WORKER_BIRTH_VARIABLE]: undefined },
    {
      HOST: '::1',
      NODE_OPTIONS: '--no-warnings',
      EVENER_WORKER_ID: '3',
      NODE_APP_INSTANCE: '3',
      [WORKER_BIRTH_VARIABLE]: undefined,
    },
  );
  assert.deepEqual(decodeWorkerBirth(env[WORKER_BIRTH_VARIABLE]), birth);
});

test('what is ours is not handed on', () => {
  const ours = { EVENER_ADMIN_TOKEN: 'a', EVENER_ETCD_PASSWORD: 'b', NOTIFY_SOCKET: 'c', LISTEN_FDS: '1' };
  const { env } = command({ env: { ...ours, API_KEY: 'd' } });
  for (const name of Object.keys(ours)) assert.ok(!(name in env), name);
  assert.equal(env.API_KEY, 'd');
});

test('each is marked by an entry of its environment that no other has', () => {
  const { mark, env } = command({});
  assert.equal(mark, `${WORKER_BIRTH_VARIABLE}=${env[WORKER_BIRTH_VARIABLE]}`);
  const app = resolveOptions({ app: ['python3', 'app.py'], cwd: APPS, env: process.env, protocol: 'http' }).apps[0]!;
  const address = { url: 'http://127.0.0.1:4711', env: { PORT: '4711', HOST: '127.0.0.1' } };
  const python = workerCommand(app, birth, PRELOAD, address);
  assert.equal(python.mark, 'PORT=4711');
  assert.equal(python.env.PORT, '4711');
});

test('a command gets the preload behind the user’s NODE_OPTIONS', () => {
  const app = [process.execPath, 'server.cjs'];
  const plain = command({ app });
  assert.deepEqual([plain.file, plain.args, plain.ipc], [process.execPath, ['server.cjs'], false]);
  assert.equal(plain.env.NODE_OPTIONS, `--require "${PATH}"`);
  const given = command({ app, env: { NODE_OPTIONS: '--no-warnings' } });
  assert.equal(given.env.NODE_OPTIONS, `--no-warnings --require "${PATH}"`);
});

test('what is put into NODE_OPTIONS is taken out again, and no more', () => {
  for (const preload of [PRELOAD, new URL('file:///a/preload.cjs'), new URL('file:///a"b\\c/preload.cjs')]) {
    for (const options of [undefined, '--no-warnings', `--title="x y" --no-warnings`]) {
      assert.equal(nodeOptionsWithout(preload, nodeOptionsWith(preload, options)), options);
      assert.equal(nodeOptionsWithout(preload, options), options);
    }
  }
});

test('PORT is the user’s unless --port is given', () => {
  assert.equal(command({ env: { PORT: '81' } }).env.PORT, '81');
  assert.equal(command({ env: { PORT: '81' }, port: 8080 }).env.PORT, '8080');
  assert.equal('PORT' in command({}).env, false);
});

test('does not change the environment it was given', () => {
  const env = Object.freeze({ PATH: '/bin' });
  assert.doesNotThrow(() => command({ env }));
});
