import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DatagramListener } from '../support/datagram-listener.ts';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

const NAME = `@evener-test-${process.pid}`;

test('tells the service manager when it is ready, reloads, and stops, and that it lives', async (context) => {
  const listener = await DatagramListener.bind(context, `${NAME}-life`);
  const env = { NOTIFY_SOCKET: `${NAME}-life`, WATCHDOG_USEC: '400000', SYSTEMD_EXEC_PID: '1' };
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '2', '--drain-limit', '5s'], { env });
  const url = await evener.url(2);
  const ready = await listener.got(/^READY=1$/);
  assert.match(ready, new RegExp(`^MAINPID=${evener.pid}$`, 'm'));
  assert.match(ready, /^STATUS=[12] of 2 workers ready$/m);
  await listener.got(/^STATUS=2 of 2 workers ready$/);
  await until('three signs of life', () => listener.messages.filter((one) => one === 'WATCHDOG=1').length >= 3);

  // What is for Evener is not for its workers.
  const [, pid] = /worker 0 ready \(pid (\d+)/.exec(evener.stderr)!;
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  assert.ok(environment.some((variable) => variable.startsWith('EVENER_WORKER_ID=')));
  assert.ok(!environment.some((variable) => /^(NOTIFY_SOCKET|WATCHDOG_USEC)=/.test(variable)));
  assert.equal((await request(url)).status, 200);

  evener.kill('SIGHUP');
  const reloading = await listener.got(/^RELOADING=1$/);
  const [, microseconds] = /^MONOTONIC_USEC=(\d+)$/m.exec(reloading)!;
  const ageMs = Number(process.hrtime.bigint() / 1000n - BigInt(microseconds!)) / 1000;
  assert.ok(ageMs >= 0 && ageMs < 20_000, `${ageMs} ms old`);
  await until('READY after RELOADING', () => {
    const lines = listener.messages.map((message) => message.split('\n', 1)[0]);
    return lines.lastIndexOf('READY=1') > lines.indexOf('RELOADING=1');
  });

  evener.kill('SIGTERM');
  const stopping = await listener.got(/^STOPPING=1$/);
  assert.match(stopping, /^EXTEND_TIMEOUT_USEC=15000000$/m);
  assertEnding(await evener.ended, 0);
});

test('is ready only when it is, and tells why it cannot be', async (context) => {
  const listener = await DatagramListener.bind(context, `${NAME}-broken`);
  const evener = new EvenerProcess(context, ['throws.cjs'], { env: { NOTIFY_SOCKET: `${NAME}-broken` } });
  assert.equal((await evener.ended).code, 1);
  const stopping = await listener.got(/^STOPPING=1$/);
  assert.match(stopping, /^STATUS=throws\.cjs failed to start: /m);
  assert.ok(!listener.messages.some((message) => message.includes('READY=1')));
});

test('runs as ever where nobody can be told', async (context) => {
  const evener = new EvenerProcess(context, ['server.cjs', '-w', '1'], {
    env: { NOTIFY_SOCKET: '/nowhere/notify.sock' },
  });
  const url = await evener.url();
  await evener.said(/the service manager cannot be told: /);
  assert.equal((await request(url)).status, 200);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
  assert.equal(evener.count(/cannot be told/), 1);
  assert.ok(!existsSync(join(evener.temporary, 'nowhere')));
});
