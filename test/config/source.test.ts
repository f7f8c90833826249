import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import { isSource, parseSource } from '../../src/config/source.ts';
import type { EvenerError } from '../../src/core/evener-error.ts';

const DNS = { resolver: null, maxTtlMs: 60_000, isTls: false, family: 0 };
const ETCD = { kind: 'etcd', isTls: false, user: null, ca: null, cert: null, key: null };
const KUBERNETES = { kind: 'kubernetes', isTls: false, kubeconfig: null, context: null };

const VECTORS: readonly (readonly [string, object | RegExp])[] = [
  ['file:///etc/servers.json', { kind: 'file', path: '/etc/servers.json' }],
  ['file:servers.json', { kind: 'file', path: 'servers.json' }],
  ['file:./a b.txt', { kind: 'file', path: './a b.txt' }],
  ['file://host/x', /a file/],
  ['file:', /a file/],
  ['dns://api.internal:8080', { kind: 'dns', name: 'api.internal', port: 8080, ...DNS }],
  [
    'dns://api:443?scheme=https&resolver=127.0.0.1:5353&maxTtl=5s&family=4',
    { kind: 'dns', name: 'api', port: 443, isTls: true, resolver: '127.0.0.1:5353', maxTtlMs: 5_000, family: 4 },
  ],
  ['dns://api.internal', /dns:\/\/name:port/],
  ['dns://api.internal:0', /dns:\/\/name:port/],
  ['dns://api.internal:80/path', /dns:\/\/name:port/],
  ['dns://api..internal:80', /dns:\/\/name:port/],
  ['dns://api:80?maxTtl=10ms', /1s or more/],
  ['dns://api:80?resolver=localhost', /address in \?resolver/],
  ['dns://api:80?resolver=999.1.1.1', /address in \?resolver/],
  ['dns://api:80?resolver=1.1.1.1:99999', /address in \?resolver/],
  ['dns://api:80?resolver=[::g]:53', /address in \?resolver/],
  ['dns://api:80?family=5', /4 or 6/],
  ['dns://api:80?ttl=5s', /no \?ttl/],
  ['dns+srv://_http._tcp.api.internal', { kind: 'srv', name: '_http._tcp.api.internal', ...DNS }],
  ['dns+srv://_http._tcp.api.internal:80', /dns\+srv:\/\/name/],
  ['etcd://127.0.0.1/services/api/', { ...ETCD, endpoints: ['127.0.0.1:2379'], prefix: '/services/api' }],
  [
    'etcds://joe@a:1,b:2,[::1]:3/s?ca=ca.pem&cert=c.pem&key=k.pem',
    {
      ...{ kind: 'etcd', isTls: true, user: 'joe', endpoints: ['a:1', 'b:2', '[::1]:3'], prefix: '/s' },
      ...{ ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' },
    },
  ],
  ['etcd://joe:secret@a/s', /EVENER_ETCD_PASSWORD/],
  ['etcd://a%zz@b/s', /encoded/],
  ['etcd://a:2379', /etcd:\/\/host:port/],
  ['etcd://a,/s', /etcd:\/\/host:port/],
  ['etcd://a/s?ca=x', /etcds:/],
  ['etcds://a/s?cert=x', /\?cert and its &key/],
  ['k8s://default/api:http', { ...KUBERNETES, namespace: 'default', service: 'api', port: 'http' }],
  ['k8s://default/api', { ...KUBERNETES, namespace: 'default', service: 'api', port: null }],
  [
    'k8s://ns/api:8443?scheme=https&kubeconfig=/k&context=c',
    { kind: 'kubernetes', namespace: 'ns', service: 'api', port: '8443', isTls: true, kubeconfig: '/k', context: 'c' },
  ],
  ['k8s://default', /k8s:\/\/namespace/],
  ['k8s://Default/api', /k8s:\/\/namespace/],
];

for (const [text, expected] of VECTORS) {
  test(`reads ${text}`, () => {
    assert.ok(isSource(text));
    const address = parseSource(text);
    if (expected instanceof RegExp) assert.match(String(address), expected);
    else assert.deepEqual(address, expected);
  });
}

test('addresses of servers are no sources', () => {
  for (const text of ['http://a:1', 'https://a', 'unix:/x', 'files:80', 'localhost:80']) assert.ok(!isSource(text));
});

test('servers that are named and sources stand in one list, and files are found from the folder of the config', () => {
  const servers = ['http://10.0.0.5:80', { url: 'file:list.json', weight: 3, zone: 'a' }];
  const [pool] = resolveOptions({ servers, listen: 0 }).pools;
  assert.deepEqual(
    pool!.servers.map(({ url }) => url),
    ['http://10.0.0.5:80'],
  );
  const [source] = pool!.sources;
  assert.deepEqual(source, {
    ...{ url: 'file:list.json', weight: 3, zone: 'a', isBackup: false },
    address: { kind: 'file', path: `${process.cwd()}/list.json` },
  });
});

test('what is wrong with a source is told, and a password never', () => {
  const refusal = (url: string): string => {
    try {
      resolveOptions({ servers: [url], listen: 0 });
    } catch (error) {
      return `${(error as EvenerError).message} ${JSON.stringify((error as EvenerError).details)}`;
    }
    throw new Error('not refused');
  };
  assert.match(refusal('dns://api'), /servers\[0\]\S*: expected dns:\/\/name:port, .* got "dns:\/\/api"/);
  assert.match(refusal('ftp://a'), /expected http:\/\/host:port, .*dns\+srv:\/\//);
  assert.doesNotMatch(refusal('etcd://joe:sesame@a/s'), /sesame/);
});

test('reads where an instance makes itself known', () => {
  const register = { etcd: 'etcd://127.0.0.1/s', url: 'http://10.0.0.5:80' };
  const [one] = resolveOptions({ servers: 'http://a:1', listen: 0, register }).register;
  assert.equal(one!.ttlMs, 10_000);
  assert.equal(one!.address.prefix, '/s');
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ ...register, ttl: '1s' }, /register\.ttl|register\[0\]\.ttl: expected a duration from '2s'/],
    [{ ...register, etcd: 'dns://a:1' }, /etcd: expected etcd:\/\/host:port\/prefix/],
    [{ ...register, url: 'unix:/x' }, /url: expected where others reach it/],
    [{ ...register, wieght: 1 }, /unknown option .*wieght: did you mean weight/],
  ];
  for (const [entry, message] of refused) {
    assert.throws(() => resolveOptions({ servers: 'http://a:1', listen: 0, register: entry as never }), { message });
  }
});
