import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { parseSource, type SrvAddress } from '../../src/config/source.ts';
import { DnsSource } from '../../src/discovery/dns-source.ts';
import { ResolverProcess } from '../support/resolver.ts';
import { DEFAULTS, Told } from './support.ts';

const SERVFAIL = 2;

/** Whom the resolver asks, and who can tell it nothing. */
async function brokenUpstream(t: TestContext): Promise<number> {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    const answer = Buffer.from(query);
    answer[2] = query[2]! | 0x80;
    answer[3] = 0x80 | SERVFAIL;
    socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  return socket.address().port;
}

test('a resolver that answers SERVFAIL takes no server away', async (t) => {
  const upstream = await brokenUpstream(t);
  const host = 'host-record=a.down.test,127.0.0.2,1';
  const service = 'srv-host=_http._tcp.down.test,a.down.test,8001,1,1';
  const resolver = await ResolverProcess.start(t, [host, service]);
  const look = (url: string): Told => {
    const told = new Told();
    const address = parseSource(`${url}?resolver=${resolver.address}`) as SrvAddress;
    const source = new DnsSource(address, DEFAULTS, told);
    t.after(() => source.close());
    return told;
  };
  const byName = look('dns://a.down.test:80');
  const byService = look('dns+srv://_http._tcp.down.test');
  await byName.names('http://127.0.0.2:80');
  await byService.names('http://127.0.0.2:8001');
  await resolver.start([`server=/down.test/127.0.0.1#${upstream}`]);
  await byName.fails(/the resolver cannot tell of a\.down\.test \(SERVFAIL\)/);
  await byService.fails(/SERVFAIL/);
  assert.deepEqual(byName.urls, ['http://127.0.0.2:80']);
  assert.deepEqual(byService.urls, ['http://127.0.0.2:8001']);
  // One that begins only now has nothing to keep, and waits.
  const late = look('dns://a.down.test:81');
  await late.fails(/SERVFAIL/);
  assert.equal(late.servers, null);
  await resolver.start([host.replace('.2,', '.3,'), service]);
  await byName.names('http://127.0.0.3:80');
  await byService.names('http://127.0.0.3:8001');
  await late.names('http://127.0.0.3:81');
  await byName.works();
});
