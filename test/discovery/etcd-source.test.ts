import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RegisterOptions } from '../../src/config/register.ts';
import { type EtcdAddress, parseSource } from '../../src/config/source.ts';
import { EtcdClient } from '../../src/discovery/etcd-client.ts';
import { EtcdRegistration } from '../../src/discovery/etcd-registration.ts';
import { EtcdSource } from '../../src/discovery/etcd-source.ts';
import { EtcdProcess } from '../support/etcd.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { DEFAULTS, Told } from './support.ts';

const A = 'http://10.0.0.1:80';
const B = 'http://10.0.0.2:80';
const C = 'http://10.0.0.3:80';

const addressOf = (text: string): EtcdAddress => parseSource(text) as EtcdAddress;

function look(t: TestContext, url: string): Told {
  const told = new Told();
  const source = new EtcdSource(addressOf(url), DEFAULTS, told);
  t.after(() => source.close());
  return told;
}

function register(t: TestContext, etcd: EtcdProcess, url: string, ttlMs: number) {
  const written = `etcd://${etcd.address}/services/api`;
  const options: RegisterOptions = {
    ...{ etcd: written, address: addressOf(written), url, ttlMs },
    ...{ weight: 2, isBackup: false, zone: 'z' },
  };
  const events: string[] = [];
  const registration = new EtcdRegistration(options, {
    registered: () => events.push('registered'),
    failed: (reason) => events.push(reason),
  });
  t.after(() => registration.close());
  return { registration, events, said: (times: number) => until('to be registered', () => count(events) >= times) };
}

const count = (events: readonly string[]): number => events.filter((one) => one === 'registered').length;

test('lists and follows the servers under a prefix, and leaves out what is none', async (t) => {
  const etcd = await EtcdProcess.start(t);
  await etcd.put('/services/api/1', A);
  await etcd.put('/services/api2/1', C);
  const told = look(t, `etcd://${etcd.address}/services/api`);
  await told.names(A);
  await etcd.put('/services/api/2', JSON.stringify({ url: B, weight: 3, zone: 'a', backup: true }));
  await told.names(A, B);
  assert.deepEqual(told.servers![1], { url: B, weight: 3, zone: 'a', isBackup: true });
  await etcd.put('/services/api/3', 'nonsense with spaces');
  await told.fails(/\/services\/api\/3: url: expected http/);
  await told.names(A, B);
  await etcd.put('/services/api/4', 'more nonsense');
  await told.fails(/\/services\/api\/3: .+; 1 more like it$/);
  await etcd.delete('/services/api/3');
  await told.fails(/\/services\/api\/4: url: expected http[^;]+$/);
  await etcd.delete('/services/api/4');
  await told.works();
  await etcd.put('/services/api/1', C);
  await told.names(B, C);
  // Keys that were taken back by whoever put them there are no failure.
  await etcd.delete('/services/api/1');
  await etcd.delete('/services/api/2');
  await told.names();
  assert.equal(told.error, null);
});

test('keeps what it knows while etcd is dead or silent, and goes on where it is back', async (t) => {
  const etcd = await EtcdProcess.start(t);
  const dead = `127.0.0.1:${await freePort()}`;
  await etcd.put('/s/1', A);
  const told = look(t, `etcd://${dead},${etcd.address}/s`);
  await told.names(A);
  await etcd.kill();
  await told.fails(/ECONNREFUSED/);
  assert.deepEqual(told.urls, [A]);
  await etcd.start();
  await told.works();
  await etcd.put('/s/2', B);
  await told.names(A, B);
  etcd.signal('SIGSTOP');
  await until('the silence to be noticed', () => told.error !== null, 60_000);
  assert.deepEqual(told.urls, [A, B]);
  etcd.signal('SIGCONT');
  await etcd.delete('/s/1');
  await told.names(B);
  await told.works();
});

test('lists again when the revision that it knew is compacted away', async (t) => {
  const etcd = await EtcdProcess.start(t);
  await etcd.put('/s/1', A);
  const client = new EtcdClient(addressOf(`etcd://${etcd.address}/s`));
  t.after(() => client.close());
  const { revision } = await client.list('/s/');
  await etcd.put('/s/1', B);
  await etcd.put('/s/1', C);
  await etcd.compact();
  const end = await new Promise<[string, boolean]>((resolve) => {
    client.watch('/s/', revision + 1n, {
      onEvent: () => {},
      onTold: () => {},
      onEnd: (...args) => resolve(args),
    });
  });
  assert.equal(end[1], true, end[0]);
  // A source that was away meanwhile.
  const told = look(t, `etcd://${etcd.address}/s`);
  await told.names(C);
  await etcd.kill();
  await told.fails(/./);
  await etcd.start();
  await etcd.put('/s/2', A);
  await etcd.compact();
  await told.names(A, C);
  await told.works();
  assert.ok(!told.errors.some((error) => /compact/.test(error)), told.errors.join('\n'));
});

test('an instance is known under a lease that it keeps, gets anew when it is lost, and gives back', async (t) => {
  const etcd = await EtcdProcess.start(t);
  const told = look(t, `etcd://${etcd.address}/services/api`);
  const { registration, said, events } = register(t, etcd, A, 2_000);
  await said(1);
  await told.names(A);
  assert.deepEqual(await etcd.list('/services/api/'), {
    '/services/api/10.0.0.1:80': JSON.stringify({ url: A, weight: 2, backup: false, zone: 'z' }),
  });
  const [lease] = await etcd.leases();
  await etcd.revoke(lease!);
  // It may be there again before anybody has seen that it was gone.
  await said(2);
  assert.notDeepEqual(await etcd.leases(), [lease]);
  await told.names(A);
  await etcd.kill();
  await until('the loss to be told', () => events.some((event) => /ECONNREFUSED/.test(event)));
  await etcd.start();
  await said(3);
  await told.works();
  await until('the key to be there', async () => Object.keys(await etcd.list('/services/api/')).length === 1);
  await registration.close();
  assert.deepEqual(await etcd.list('/services/api/'), {});
  await told.names();
});

test('one user is let in by a password in the environment, and again when etcd forgets it', async (t) => {
  const etcd = await EtcdProcess.start(t);
  await etcd.put('/s/1', A);
  await etcd.call('/v3/auth/role/add', { name: 'root' });
  await etcd.call('/v3/auth/user/add', { name: 'root', password: 'sesame' });
  await etcd.call('/v3/auth/user/grant', { user: 'root', role: 'root' });
  await etcd.call('/v3/auth/enable', {});
  const stranger = look(t, `etcd://${etcd.address}/s`);
  await stranger.fails(/user name is empty|permission denied/);
  process.env.EVENER_ETCD_PASSWORD = 'wrong';
  t.after(() => delete process.env.EVENER_ETCD_PASSWORD);
  const told = look(t, `etcd://root@${etcd.address}/s`);
  await told.fails(/authentication failed/);
  process.env.EVENER_ETCD_PASSWORD = 'sesame';
  await told.names(A);
  await told.works();
});
