import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import tls, { type SecureVersion } from 'node:tls';
import { TestAuthority } from '../support/certificates.ts';
import { EvenerProcess } from '../support/evener-process.ts';
import { until } from '../support/until.ts';
import { workerPids } from '../support/worker-pids.ts';

interface Visit {
  readonly isResumed: boolean;
  /** Of the worker, and the first bytes of what it seals tickets with. */
  readonly pid: number;
  readonly keys: string;
  /** For the next connection. */
  readonly session: Buffer;
}

/** An app that serves TLS, and tells who served. @param setUp of the app, with its `server` */
function serve(
  t: TestContext,
  options: object,
  setUp: string = '',
): { evener: EvenerProcess; port: () => Promise<number> } {
  const folder = mkdtempSync(join(tmpdir(), 'evc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { cert, key } = new TestAuthority(t).sign('DNS:localhost');
  writeFileSync(
    join(folder, 'server.cjs'),
    `const options = ${JSON.stringify({ cert, key, ...options })};
    if (options.ticketKeys) options.ticketKeys = Buffer.from(options.ticketKeys, 'hex');
    const server = require('node:tls').createServer(options, (socket) => {
      socket.on('error', () => {});
      socket.end(JSON.stringify({ pid: process.pid, keys: server.getTicketKeys().toString('hex') }));
    });
    ${setUp}
    server.listen(0);`,
  );
  const evener = new EvenerProcess(t, ['server.cjs', '-w', '3'], { cwd: folder });
  const port = async (): Promise<number> => {
    await evener.saidTimes(/worker \d+ ready/, 3);
    const [, number] = await evener.said(/listening on \S*?:(\d+)/);
    return Number(number);
  };
  return { evener, port };
}

function visit(port: number, version: SecureVersion, session?: Buffer): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const resuming = session === undefined ? {} : { session };
    const settings = { servername: 'localhost', rejectUnauthorized: false, minVersion: version, maxVersion: version };
    const socket = tls.connect({ port, host: '127.0.0.1', ...settings, ...resuming });
    let told = '';
    let next: Buffer | undefined;
    socket.on('session', (ticket: Buffer) => {
      next = ticket;
    });
    socket.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    socket.on('end', () => {
      const { pid, keys } = JSON.parse(told) as Pick<Visit, 'pid' | 'keys'>;
      resolve({ isResumed: socket.isSessionReused(), pid, keys, session: next ?? session! });
    });
    socket.on('error', reject);
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a client of ${version} resumes its session at every worker, also at one that was started later`, async (t) => {
    const { evener, port: ready } = serve(t, {});
    const port = await ready();
    const { session, isResumed } = await visit(port, version);
    assert.ok(!isResumed);
    const met = new Set<number>();
    const meetsAll = async (): Promise<boolean> => {
      const { isResumed, pid } = await visit(port, version, session);
      assert.ok(isResumed, `not at ${pid}, but at ${[...met]}`);
      met.add(pid);
      return workerPids(evener).every((pid) => met.has(pid));
    };
    await until('every worker to be met', meetsAll);
    process.kill(workerPids(evener)[0]!, 'SIGKILL');
    await evener.saidTimes(/worker \d+ ready/, 4);
    await until('the new one as well', meetsAll);
    assert.ok(met.size > 3);
  });
}

const OWN_KEYS = 'ab'.repeat(48);

for (const [how, options, setUp] of [
  ['as an option', { ticketKeys: OWN_KEYS }, ''],
  ['once it listens', {}, `server.on('listening', () => server.setTicketKeys(Buffer.from('${OWN_KEYS}', 'hex')));`],
] as const) {
  test(`keys that an app gives ${how} stay`, async (t) => {
    const port = await serve(t, options, setUp).port();
    assert.equal((await visit(port, 'TLSv1.3')).keys, OWN_KEYS);
  });
}

test('two instances do not share keys', async (t) => {
  const [one, other] = await Promise.all([serve(t, {}).port(), serve(t, {}).port()]);
  assert.notEqual((await visit(one, 'TLSv1.3')).keys, (await visit(other, 'TLSv1.3')).keys);
});
