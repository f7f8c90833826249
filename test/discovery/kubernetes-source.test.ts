import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type KubernetesAddress, parseSource } from '../../src/config/source.ts';
import { type EndpointSlice, serversOf } from '../../src/discovery/endpoint-slices.ts';
import { KubernetesSource } from '../../src/discovery/kubernetes-source.ts';
import { type KeptSlice, KubernetesApi } from '../support/kubernetes-api.ts';
import { until } from '../support/until.ts';
import { DEFAULTS, Told } from './support.ts';

type Endpoint = NonNullable<EndpointSlice['endpoints']>[number];

const PORTS = [
  { name: 'http', port: 8080, protocol: 'TCP' },
  { name: 'metrics', port: 9090, protocol: 'TCP' },
];

function slice(name: string, ...endpoints: Endpoint[]): KeptSlice {
  return { metadata: { name, namespace: 'default' }, addressType: 'IPv4', ports: PORTS, endpoints };
}

const at = (address: string, more: object = {}): Endpoint => ({ addresses: [address], ...more });
const url = (n: number): string => `http://10.1.0.${n}:8080`;

/** The real client, against an API server on loopback. */
async function look(t: TestContext, api: KubernetesApi, service: string = 'api:http'): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), 'evk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'config');
  api.writeConfig(kubeconfig);
  const address = parseSource(`k8s://default/${service}?kubeconfig=${kubeconfig}`) as KubernetesAddress;
  const told = new Told();
  const source = new KubernetesSource(address, DEFAULTS, told);
  t.after(() => source.close());
  return told;
}

test('reads who is ready, who is leaving, and which zone each is for', () => {
  const read = (slices: readonly EndpointSlice[], service: string, defaults = DEFAULTS): unknown => {
    const address = parseSource(`k8s://default/${service}`) as KubernetesAddress;
    return serversOf(slices, address, defaults).map(({ url: one, isBackup, zone }) => [one, isBackup, zone]);
  };
  const leaving = { conditions: { ready: false, serving: true, terminating: true } };
  const one = slice(
    'one',
    at('10.1.0.1', { conditions: { ready: true }, zone: 'a', hints: { forZones: [{ name: 'b' }] } }),
    at('10.1.0.2', { conditions: { ready: false } }),
    at('10.1.0.3', leaving),
    at('10.1.0.4', { conditions: { ready: false, serving: false, terminating: true } }),
    at('10.1.0.5', { zone: 'c' }),
  );
  assert.deepEqual(read([one], 'api:http'), [
    [url(1), false, 'b'],
    [url(3), true, ''],
    [url(5), false, 'c'],
  ]);
  // In two slices while it moves from one to the other.
  assert.deepEqual(read([slice('x', at('10.1.0.1')), slice('y', at('10.1.0.1', leaving))], 'api:8080'), [
    [url(1), false, ''],
  ]);
  const six = { ...slice('six', at('fd00::1')), addressType: 'IPv6' };
  assert.deepEqual(read([six], 'api:metrics?scheme=https'), [['https://[fd00::1]:9090', false, '']]);
  // Which of two ports is not said; names are nobody's address.
  assert.deepEqual(read([slice('x', at('10.1.0.1'))], 'api'), []);
  assert.deepEqual(read([{ ...slice('x', at('pod.test')), addressType: 'FQDN' }], 'api:http'), []);
  assert.deepEqual(read([{ ...slice('x', at('10.1.0.1')), ports: [{ port: 80 }] }], 'api'), [
    ['http://10.1.0.1:80', false, ''],
  ]);
});

test('lists the slices of a service and follows them', async (t) => {
  const api = await KubernetesApi.start(t);
  api.put(slice('one', at('10.1.0.1')));
  const told = await look(t, api);
  await told.names(url(1));
  api.put(slice('two', at('10.1.0.2'), at('10.1.0.3')));
  await told.names(url(1), url(2), url(3));
  api.put(slice('two', at('10.1.0.3')));
  await told.names(url(1), url(3));
  api.delete('one');
  await told.names(url(3));
  api.bookmark();
  api.endWatches();
  await until('another watch', () => api.watches === 1);
  api.put(slice('one', at('10.1.0.1')));
  await told.names(url(1), url(3));
  // Its watches went on where the last had ended: there was one list.
  assert.equal(api.requests.filter((one) => !one.includes('watch=true')).length, 1);
  api.delete('one');
  api.delete('two');
  await told.names();
  assert.deepEqual(told.errors, []);
});

test('a service without endpoints is no failure', async (t) => {
  const api = await KubernetesApi.start(t);
  const told = await look(t, api);
  await told.names();
  assert.equal(told.error, null);
});

test('lists again when its version is gone', async (t) => {
  const api = await KubernetesApi.start(t);
  api.put(slice('one', at('10.1.0.1')));
  const told = await look(t, api);
  await told.names(url(1));
  await until('the watch', () => api.watches === 1);
  api.forget();
  api.put(slice('one', at('10.1.0.2')));
  await told.names(url(2));
  assert.equal(told.error, null);
});

test('keeps what it knows while the API server is away or refuses, and goes on where it is back', async (t) => {
  const api = await KubernetesApi.start(t);
  api.put(slice('one', at('10.1.0.1')));
  const told = await look(t, api);
  await told.names(url(1));
  await api.stop();
  await told.fails(/./);
  assert.deepEqual(told.urls, [url(1)]);
  api.put(slice('one', at('10.1.0.2')));
  await api.start();
  await told.names(url(2));
  await told.works();
  api.status = 503;
  api.endWatches();
  await told.fails(/answers 503/);
  assert.deepEqual(told.urls, [url(2)]);
  api.status = null;
  await told.works();
  const stranger = new Told();
  const source = new KubernetesSource(
    parseSource('k8s://default/api:http?kubeconfig=/nowhere') as KubernetesAddress,
    DEFAULTS,
    stranger,
  );
  t.after(() => source.close());
  await stranger.fails(/ENOENT/);
});
