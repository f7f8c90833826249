import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Status } from '../../src/control/control-target.ts';
import { controlOf, verb } from '../support/control.ts';
import { EtcdProcess } from '../support/etcd.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { freePort } from '../support/free-port.ts';
import { Load } from '../support/load.ts';
import { ResolverProcess } from '../support/resolver.ts';
import { release, ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evd-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function configured(t: TestContext, config: object): EvenerProcess {
  const folder = folderOf(t);
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  return new EvenerProcess(t, [], { cwd: folder });
}

async function statusOf(evener: EvenerProcess): Promise<Status> {
  return (await controlOf(evener)).get<Status>('/status');
}

/** Waits until exactly these answer. */
async function answeredBy(url: string, ...names: string[]): Promise<void> {
  await until(`answers of ${names.join(' ')}`, async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => request(`${url}/slow?ms=50`)));
    return [...new Set(answers.map(({ body }) => body))].sort().join() === [...names].sort().join();
  });
}

test('servers in a file come and go under load without a failed request, and what is broken takes none away', async (t) => {
  const [a, b] = await Promise.all([ServerProcess.start(t, 'a'), ServerProcess.start(t, 'b')]);
  const path = join(folderOf(t), 'servers.json');
  const evener = new EvenerProcess(t, ['proxy', `file://${path}`, '-p', '0', '--threads', '2', '--name', 'api']);
  const url = await evener.url(0);
  await evener.said(/file:\S+ does not say which servers there are, those that are known stay: cannot be read: ENOENT/);
  // Nobody is there yet: it waits.
  const early = request(`${url}/slow?ms=1`);
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  write(JSON.stringify([a.url]));
  assert.equal((await early).body, 'a');
  await evener.said(/file:\S+ says again which servers there are/);
  const load = new Load(() => url, { method: 'POST', rate: 100, connections: 8, body: 'x' });
  await load.during(async () => {
    write(JSON.stringify([a.url, { url: b.url, zone: 'far' }]));
    await answeredBy(url, 'a', 'b');
    await evener.said(new RegExp(`servers has 2 servers now: \\+${b.url}`));
    write(JSON.stringify([b.url]));
    await answeredBy(url, 'b');
    write('[');
    await evener.said(/not JSON/);
    await answeredBy(url, 'b');
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
  const { servers, sources, incidents, apps } = await statusOf(evener);
  assert.deepEqual(servers, [{ pool: 'servers', server: b.url, source: `file://${path}`, state: 'up', reason: '' }]);
  const [{ updatedAt, ...source }] = sources as [Status['sources'][number]];
  assert.match(updatedAt!, /^20\d\d-/);
  assert.match(source.error, /^not JSON/);
  assert.deepEqual({ ...source, error: '' }, { pool: 'servers', source: `file://${path}`, servers: 1, error: '' });
  assert.equal(incidents, 1);
  assert.equal(apps[0]!.command, `file://${path}`);
  const { stdout } = await verb(evener, ['status', '--name', 'api']);
  assert.match(stdout, /SOURCE +POOL +SERVERS +SAID\n.*servers\.json +servers +1 +\d+ s ago +not JSON/);
  write(JSON.stringify([a.url]));
  await answeredBy(url, 'a');
  await until('the incident to be over', async () => (await statusOf(evener)).incidents === 0);
});

test('thousands of servers come, change and go at once, and no request fails', async (t) => {
  const a = await ServerProcess.start(t, 'a');
  const path = join(folderOf(t), 'servers.json');
  const evener = new EvenerProcess(t, ['proxy', `file://${path}`, '-p', '0', '--name', 'api']);
  const backups = (weight: number): object[] =>
    Array.from({ length: 4000 }, (_, i) => ({ url: `http://127.1.${i >> 8}.${i & 255}:9`, weight, backup: true }));
  const write = (...servers: (string | object)[]): void => {
    writeFileSync(`${path}.new`, JSON.stringify(servers));
    renameSync(`${path}.new`, path);
  };
  write(a.url);
  const url = await evener.url(0);
  const load = new Load(() => `${url}/slow?ms=1`, { method: 'GET', rate: 50, connections: 8 });
  await load.during(async () => {
    write(a.url, ...backups(1));
    await evener.said(/servers has 4001 servers now/);
    await answeredBy(url, 'a');
    write(a.url, ...backups(2));
    await evener.said(/weights, zones or tiers have changed/);
    await answeredBy(url, 'a');
    write(a.url);
    await evener.said(/servers has 1 server now: -/);
    await answeredBy(url, 'a');
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
});

test('a reload keeps what a source has found, also while the source cannot be asked', async (t) => {
  const [a, b] = await Promise.all([ServerProcess.start(t, 'a'), ServerProcess.start(t, 'b')]);
  const name = '_http._tcp.api.test';
  const records = ['host-record=a.test,127.0.0.1,1', `srv-host=${name},a.test,${a.port},1,1`];
  const resolver = await ResolverProcess.start(t, records);
  const folder = folderOf(t);
  const write = (...servers: string[]): void => {
    const found = `dns+srv://${name}?resolver=${resolver.address}`;
    const config = { name: 'api', admin: 0, pools: { api: { listen: '127.0.0.1:0', servers: [found, ...servers] } } };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  };
  write();
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(0);
  await answeredBy(url, 'a');
  await resolver.stop();
  await evener.said(/does not say which servers there are/);
  write(b.url);
  evener.kill('SIGHUP');
  await evener.said(/reload done/);
  await answeredBy(url, 'a', 'b');
  const [, admin] = await evener.said(/admin on (http:\/\/\S+)/);
  const metrics = (await request(`${admin}metrics`)).body;
  assert.match(metrics, /evener_source_up\{app="api",source="dns\+srv:[^"]+"\} 0/);
  assert.match(metrics, /evener_source_servers\{[^}]+\} 1/);
  assert.equal((await request(`${admin}readyz`)).status, 200);
  await resolver.start(records);
  await evener.said(/says again which servers there are/);
});

test('a reload that names a source which says nothing yet costs neither readiness nor a request', async (t) => {
  const server = await ServerProcess.start(t, 'a');
  // It does not answer.
  const resolver = await ResolverProcess.start(t, []);
  const address = resolver.address;
  await resolver.stop();
  const found = `dns://server.test:1?resolver=${address}`;
  const folder = folderOf(t);
  const configure = (pools: Record<string, string>): void => {
    const config = { name: 'api', admin: 0, pools: {} as Record<string, object> };
    for (const [name, url] of Object.entries(pools)) config.pools[name] = { listen: '127.0.0.1:0', servers: [url] };
    writeFileSync(join(folder, 'evener.config.json'), JSON.stringify(config));
  };
  configure({ one: server.url });
  const evener = new EvenerProcess(t, [], { cwd: folder });
  const url = await evener.url(0);
  const [, admin] = await evener.said(/admin on (http:\/\/\S+)/);
  const assertServes = async (reloads: number): Promise<void> => {
    evener.kill('SIGHUP');
    await evener.saidTimes(/reload done/, reloads);
    assert.equal((await request(`${admin}readyz`)).body.trim(), '{"ok":true}');
    await answeredBy(url, 'a');
  };
  configure({ one: server.url, other: found });
  await assertServes(1);
  configure({ one: found, other: found });
  await assertServes(2);
});

test('instances are known in etcd while they serve: gone before they drain, and forgotten when they are killed', async (t) => {
  const etcd = await EtcdProcess.start(t);
  const place = `etcd://${etcd.address}/services/api`;
  const behind = async (name: string): Promise<{ evener: EvenerProcess; server: ServerProcess; url: string }> => {
    const server = await ServerProcess.start(t, name);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const evener = configured(t, {
      pools: { api: { listen: `127.0.0.1:${port}`, servers: [server.url] } },
      register: { etcd: place, url, ttl: '2s' },
    });
    await evener.said(/known as http:\S+ in etcd:/);
    return { evener, server, url };
  };
  const [one, two] = await Promise.all([behind('one'), behind('two')]);
  const front = new EvenerProcess(t, ['proxy', place, '-p', '0', '--name', 'api']);
  const url = await front.url(0);
  await answeredBy(url, 'one', 'two');
  // What is in flight in the one that stops is finished there, and nothing new goes to it.
  const slow = Promise.all(Array.from({ length: 4 }, () => request(`${url}/held`)));
  await until('them to be there', async () => (await statusOf(front)).apps[0]!.inFlight === 4);
  const load = new Load(() => url, { method: 'POST', rate: 50, connections: 8, body: 'x' });
  await load.during(async () => {
    one.evener.kill('SIGTERM');
    await one.evener.said(/stopping/);
    await release([one.server, two.server], slow);
    await one.evener.ended;
  });
  assert.deepEqual(load.outcomes, { 200: load.attempts.length });
  assert.deepEqual(
    (await slow).map(({ status }) => status),
    [200, 200, 200, 200],
  );
  await answeredBy(url, 'two');
  const known = async (): Promise<string[]> => Object.keys(await etcd.list('/services/api/'));
  const placeOf = (url: string): string => `/services/api/${url.slice(7)}`;
  assert.ok(!(await known()).includes(placeOf(one.url)));
  // Of a machine that is too busy to keep it for a moment the lease ends, and there is another.
  await until('the other to be known', async () => (await known()).join() === placeOf(two.url));
  two.evener.kill('SIGKILL');
  await two.evener.ended;
  await until('its lease to end', async () => (await known()).length === 0);
  await until('nobody to be known', async () => (await statusOf(front)).servers.length === 0);
});
