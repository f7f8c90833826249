import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type EtcdAddress, parseSource } from '../../src/config/source.ts';
import { EtcdSource } from '../../src/discovery/etcd-source.ts';
import { TestAuthority } from '../support/certificates.ts';
import { EtcdProcess } from '../support/etcd.ts';
import { DEFAULTS, Told } from './support.ts';

const A = 'http://10.0.0.1:80';
const B = 'http://10.0.0.2:80';

function look(t: TestContext, url: string): Told {
  const address = parseSource(url);
  assert.ok(typeof address !== 'string', String(address));
  const told = new Told();
  const source = new EtcdSource(address as EtcdAddress, DEFAULTS, told);
  t.after(() => source.close());
  return told;
}

test('by etcds:// over TLS, with certificates on both sides, servers are found and followed', async (t) => {
  const authority = new TestAuthority(t);
  const server = authority.sign('IP:127.0.0.1', 'DNS:localhost');
  const etcd = await EtcdProcess.start(t, { ca: authority.cert, server, client: authority.sign('DNS:evener') });
  const place = `etcds://${etcd.address}/services/api`;
  const [ca, cert, key] = [etcd.file('ca.pem'), etcd.file('client.pem'), etcd.file('client.key')];
  await etcd.put('/services/api/1', A);
  const told = look(t, `${place}?ca=${ca}&cert=${cert}&key=${key}`);
  await told.names(A);
  await etcd.put('/services/api/2', B);
  await told.names(A, B);
  // An authority that is not ours signs nothing for us, and without a certificate etcd lets nobody in.
  await look(t, `${place}?cert=${cert}&key=${key}`).fails(/certificate/);
  await look(t, `${place}?ca=${ca}`).fails(/certificate|alert|EPROTO|ECONNRESET|socket/i);
  await etcd.kill();
  await told.fails(/ECONNREFUSED|socket|ended|closed/i);
  await told.names(A, B);
  await etcd.start();
  await etcd.delete('/services/api/1');
  await told.names(B);
});
