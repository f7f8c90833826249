import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientAddresses } from '../../src/exchange/client-addresses.ts';

const TRUSTED = new ClientAddresses(['10.0.0.0/8', '::1', 'unix']);

function head(...fields: string[]): string {
  return ['GET / HTTP/1.1', 'Host: a', ...fields, ''].join('\r\n');
}

for (const [what, peer, fields, address] of [
  ['a stranger says what he likes', '203.0.113.9', ['X-Forwarded-For: 198.51.100.1'], '203.0.113.9'],
  ['a proxy that tells nothing', '10.0.0.1', [], '10.0.0.1'],
  ['a proxy tells', '10.0.0.1', ['X-Forwarded-For: 198.51.100.1'], '198.51.100.1'],
  ['as IPv4 in IPv6', '::ffff:10.0.0.1', ['x-forwarded-for: 198.51.100.1'], '198.51.100.1'],
  ['what came before the last stranger is his', '10.0.0.1', ['X-Forwarded-For: 1.2.3.4, 198.51.100.1'], '198.51.100.1'],
  ['several proxies', '10.0.0.1', ['X-Forwarded-For: 198.51.100.1, 10.9.9.9,10.0.0.7'], '198.51.100.1'],
  ['several fields are one', '::1', ['X-Forwarded-For: 198.51.100.1', 'X-Forwarded-For: 10.0.0.7'], '198.51.100.1'],
  ['proxies only', '10.0.0.1', ['X-Forwarded-For: 10.0.0.3, 10.0.0.2'], '10.0.0.3'],
  ['with ports', '10.0.0.1', ['X-Forwarded-For: 198.51.100.1:4711'], '198.51.100.1'],
  ['IPv6 with a port', '10.0.0.1', ['X-Forwarded-For: [2001:db8::1]:4711'], '2001:db8::1'],
  ['a name is no address', '10.0.0.1', ['X-Forwarded-For: 198.51.100.1, unknown, 10.0.0.2'], '10.0.0.2'],
  ['nonsense', '10.0.0.1', ['X-Forwarded-For: ,,'], '10.0.0.1'],
  ['a Unix socket', undefined, ['X-Forwarded-For: 198.51.100.1'], '198.51.100.1'],
  ['Forwarded', '10.0.0.1', ['Forwarded: for=198.51.100.1;proto=https, for=10.0.0.2'], '198.51.100.1'],
  ['Forwarded, quoted', '10.0.0.1', ['Forwarded: proto=http; For="[2001:db8::1]:80"'], '2001:db8::1'],
] as const) {
  test(`${what}: ${address}`, () => assert.equal(TRUSTED.of(peer, head(...fields)), address));
}
