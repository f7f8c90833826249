import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { APPS, EvenerProcess } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { ServerProcess } from '../support/server-process.ts';
import { until } from '../support/until.ts';

async function started(t: TestContext, config: object, workers: number) {
  const folder = mkdtempSync(join(tmpdir(), 'evy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'evener.config.json'), JSON.stringify({ accessLog: true, ...config }));
  const evener = new EvenerProcess(t, [], { cwd: folder });
  return { evener, url: await evener.url(workers) };
}

/** As a proxy would send it on, which stands on loopback. */
function from(client: string, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'X-Forwarded-For': client };
    const request = http.get(url, { agent: false, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve(body));
    });
    request.on('error', reject);
  });
}

const CLIENTS = Array.from({ length: 24 }, (_, i) => `198.51.100.${i + 1}`);

/** Who answers each client, asked twice. */
async function answersTo(url: string): Promise<Map<string, Set<string>>> {
  const answers = new Map<string, Set<string>>();
  for (const client of [...CLIENTS, ...CLIENTS]) {
    const one = answers.get(client) ?? new Set<string>();
    answers.set(client, one.add(await from(client, url)));
  }
  return answers;
}

/** Each client is answered by one, and different ones by different ones. One that a busy machine holds up is passed over meanwhile. */
async function untilByClient(url: string): Promise<void> {
  let answers = new Map<string, Set<string>>();
  await until(
    () => `each client to be answered by its own: ${[...answers].map(([client, by]) => `${client} ${[...by]}`)}`,
    async () => {
      answers = await answersTo(url);
      const all = [...answers.values()];
      return all.every(({ size }) => size === 1) && new Set(all.flatMap((by) => [...by])).size > 1;
    },
  );
}

for (const [what, own] of [
  ['policy hash', { policy: 'hash' }],
  ['sticky by hash', { sticky: { hash: 'address' } }],
] as const) {
  test(`${what} goes by the client that a trusted proxy tells of, and so does the access log`, async (t) => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => ServerProcess.start(t, name)));
    const api = {
      listen: '127.0.0.1:0',
      servers: servers.map(({ url }) => url),
      ...own,
      trustedProxies: '127.0.0.0/8',
    };
    const { evener, url } = await started(t, { pools: { api } }, 0);
    await untilByClient(url);
    await until('the log', () => evener.stdout.includes('"client":"198.51.100.24"'));
  });
}

test('for workers, too; and whom nobody trusts is who he is', async (t) => {
  const app = { app: join(APPS, 'flawed.cjs'), workers: 3, policy: 'hash' };
  const trusting = await started(t, { ...app, trustedProxies: ['127.0.0.1', '::1'] }, 3);
  await untilByClient(trusting.url);
  const wary = await started(t, app, 3);
  await until('all to be answered by one', async () => {
    const answers = await answersTo(wary.url);
    return new Set([...answers.values()].flatMap((by) => [...by])).size === 1;
  });
  await until('the log', () => wary.evener.stdout.includes('"client":"127.0.0.1"'));
  assert.ok(!wary.evener.stdout.includes('198.51.100'));
});

test('the limit of an address is not for a proxy, which stands for many', async (t) => {
  const app = { app: join(APPS, 'flawed.cjs'), workers: 1, maxConnectionsPerAddress: 2 };
  for (const [more, allowed] of [
    [{ trustedProxies: '127.0.0.1' }, 5],
    [{}, 2],
  ] as const) {
    const { url } = await started(t, { ...app, ...more }, 1);
    let answered = 0;
    for (let i = 0; i < 5; i++) {
      const client = await RawClient.connect(t, url);
      client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const { status } = await client.response();
      if (status === 200) answered++;
      else assert.equal(status, 503);
    }
    assert.equal(answered, allowed);
  }
});
