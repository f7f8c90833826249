import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { UpstreamTlsEntry } from '../../src/config/upstream.ts';
import { TestAuthority } from '../support/certificates.ts';

test('a certificate whose key is not there yet is refused, and not left to a balancer thread to die of', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const authority = new TestAuthority(context);
  const [before, after] = [authority.sign('DNS:a.example'), authority.sign('DNS:a.example')];
  const write = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  const ca = write('ca.pem', authority.cert);
  const cert = write('cert.pem', after.cert);
  const resolve = (tls: UpstreamTlsEntry) => resolveOptions({ servers: 'https://a.example', listen: 0, tls });
  const mismatch = { code: 'EVENER_CONFIG_INVALID', message: /^tls: expected a certificate and the key that belongs/ };
  assert.throws(() => resolve({ ca, cert, key: write('key.pem', before.key) }), mismatch);
  assert.throws(() => resolve({ cert, key: write('key.pem', after.key.slice(0, 40)) }), mismatch);
  const [pool] = resolve({ ca, cert, key: write('key.pem', after.key) }).pools;
  assert.equal(pool!.upstream.tls.cert, after.cert);
});

test('a host by which nobody can be asked is refused', () => {
  const resolve = (host: string) => resolveOptions({ servers: 'http://a.example', listen: 0, health: { host } });
  assert.throws(() => resolve('a\nb'), { code: 'EVENER_CONFIG_INVALID', message: /^health\.host: expected a host/ });
  assert.equal(resolve('a.example:80').pools[0]!.upstream.health!.host, 'a.example:80');
});
