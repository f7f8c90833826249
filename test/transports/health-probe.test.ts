import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { HealthRules } from '../../src/config/health.ts';
import { probeOf } from '../../src/transports/health-probe.ts';
import { until } from '../support/until.ts';
import { addressOf } from './proxied-road.ts';

const RULES: HealthRules = {
  type: 'http',
  method: 'GET',
  path: '/healthz',
  host: null,
  statuses: [[200, 200]],
  body: 'fine',
  intervalMs: 1_000,
  timeoutMs: 20_000,
  rise: 1,
  fall: 1,
};

test('checks leave nothing behind, however many there are, and are given up when that is asked', async (t) => {
  let asked = 0;
  const server = http.createServer((request, response) => {
    asked++;
    if (request.url === '/healthz') response.end('all is fine');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const probe = probeOf(addressOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), null);
  const abort = new AbortController();
  const left = (): number => getEventListeners(abort.signal, 'abort').length;
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await probe(RULES, abort.signal), { isOk: true, reason: '', status: 200 });
    assert.equal((await probe({ ...RULES, type: 'tcp' }, abort.signal)).isOk, true);
    assert.equal((await probe({ ...RULES, body: 'sick' }, abort.signal)).isOk, false);
  }
  assert.equal(left(), 0);
  const before = asked;
  const waiting = probe({ ...RULES, path: '/never' }, abort.signal);
  await until('it to be asked', () => asked > before);
  assert.equal(left(), 1);
  abort.abort();
  assert.deepEqual(await waiting, { isOk: false, reason: 'given up', status: 0 });
  assert.equal(left(), 0);
});

test('what cannot be asked is a fault of the answer, and throws nothing', async () => {
  const probe = probeOf(addressOf('http://127.0.0.1:1'), null);
  const result = await probe({ ...RULES, host: 'a\nb' }, new AbortController().signal);
  assert.match(result.reason, /^Invalid character in header content/);
});
