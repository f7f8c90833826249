import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseSource } from '../../src/config/source.ts';
import type { ServerOptions } from '../../src/config/upstream.ts';
import { DnsSource } from '../../src/discovery/dns-source.ts';
import { ResolverProcess } from '../support/resolver.ts';
import { until } from '../support/until.ts';
import { DEFAULTS, Told } from './support.ts';

function look(t: TestContext, url: string, resolver: ResolverProcess, defaults: ServerOptions = DEFAULTS): Told {
  const address = parseSource(`${url}${url.includes('?') ? '&' : '?'}resolver=${resolver.address}`);
  assert.ok(typeof address !== 'string' && (address.kind === 'dns' || address.kind === 'srv'), String(address));
  const told = new Told();
  const source = new DnsSource(address, defaults, told);
  t.after(() => source.close());
  return told;
}

test('every address of a name is a server, for as long as its answer holds', async (t) => {
  const resolver = await ResolverProcess.start(t, [
    'host-record=api.test,127.0.0.2,::1,1',
    'host-record=api.test,127.0.0.3,1',
    'host-record=slow.test,127.0.0.9,3600',
  ]);
  const told = look(t, 'dns://api.test:8080', resolver);
  const four = look(t, 'dns://api.test:443?scheme=https&family=4', resolver);
  const slow = look(t, 'dns://slow.test:80', resolver);
  await told.names('http://127.0.0.2:8080', 'http://127.0.0.3:8080', 'http://[::1]:8080');
  await four.names('https://127.0.0.2:443', 'https://127.0.0.3:443');
  await slow.names('http://127.0.0.9:80');
  await resolver.start(['host-record=api.test,127.0.0.4,1', 'host-record=slow.test,127.0.0.8,1']);
  await told.names('http://127.0.0.4:8080');
  await four.names('https://127.0.0.4:443');
  // It was told that its answer holds for an hour.
  assert.equal(slow.times, 1);
  assert.deepEqual(slow.urls, ['http://127.0.0.9:80']);
});

test('an answer holds no longer than maxTtl', async (t) => {
  const resolver = await ResolverProcess.start(t, ['host-record=api.test,127.0.0.2,3600']);
  const told = look(t, 'dns://api.test:80?maxTtl=1s', resolver);
  await told.names('http://127.0.0.2:80');
  await resolver.start(['host-record=api.test,127.0.0.3,3600']);
  await told.names('http://127.0.0.3:80');
});

test('the best priority of SRV records serves, the others are backups, and weights are weights', async (t) => {
  const name = '_http._tcp.api.test';
  const hosts = ['host-record=a.test,127.0.0.2,1', 'host-record=b.test,127.0.0.3,1'];
  const resolver = await ResolverProcess.start(t, [
    ...hosts,
    `srv-host=${name},a.test,8001,10,60`,
    `srv-host=${name},b.test,8002,10,0`,
    `srv-host=${name},b.test,8003,20,5`,
  ]);
  const told = look(t, `dns+srv://${name}`, resolver, { ...DEFAULTS, zone: 'here' });
  await told.names('http://127.0.0.2:8001', 'http://127.0.0.3:8002', 'http://127.0.0.3:8003');
  const facts = (told.servers ?? []).map(({ url, weight, isBackup, zone }) => [url.slice(-4), weight, isBackup, zone]);
  assert.deepEqual(facts.sort(), [
    ['8001', 60, false, 'here'],
    ['8002', 1, false, 'here'],
    ['8003', 5, true, 'here'],
  ]);
  await resolver.start([...hosts, `srv-host=${name},b.test,8003,20,5`]);
  await told.names('http://127.0.0.3:8003');
  assert.equal(told.servers![0]!.isBackup, false);
});

test('a name that is gone, a resolver that is silent, dead or back: what was known stays meanwhile', async (t) => {
  const records = ['host-record=api.test,127.0.0.2,1'];
  const resolver = await ResolverProcess.start(t, records);
  const told = look(t, 'dns://api.test:80', resolver);
  const never = look(t, 'dns://nobody.test:80', resolver);
  await told.names('http://127.0.0.2:80');
  await never.fails(/nobody\.test is not there \(NXDOMAIN\)/);
  assert.equal(never.servers, null);
  await resolver.start([]);
  await told.fails(/NXDOMAIN/);
  await resolver.start(records);
  await told.works();
  resolver.signal('SIGSTOP');
  await told.fails(/does not answer/);
  resolver.signal('SIGCONT');
  await told.works();
  await resolver.stop();
  await told.fails(/cannot be reached|does not answer/);
  assert.deepEqual(told.urls, ['http://127.0.0.2:80']);
  await resolver.start(['host-record=api.test,127.0.0.3,1']);
  await told.names('http://127.0.0.3:80');
  await until('it to work', () => told.error === null);
});
