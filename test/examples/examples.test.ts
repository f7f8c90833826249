import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertEnding, EvenerProcess, request } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url));

test('examples/express answers from two workers, which share their notes', async (t) => {
  const evener = start(t, 'express/server.js', { NOTES_FILE: join(temporaryFolder(t), 'notes.jsonl') });
  const url = await evener.url(2);

  const slow = new Set<string>();
  await until('answers of both workers', async () => {
    for (const { body } of await Promise.all([1, 2].map(() => request(`${url}/slow?ms=300`)))) slow.add(body);
    return slow.size >= 2;
  });
  assert.deepEqual([...slow].sort(), ['{"worker":"0","ms":300}', '{"worker":"1","ms":300}']);
  const { worker, pid } = JSON.parse((await request(`${url}/whoami`)).body) as { worker: string; pid: number };
  assert.match(worker, /^[01]$/);
  assert.ok(pid > 0);

  for (const text of ['one', 'two', 'three', 'four']) assert.equal((await postNote(url, { text })).status, 201);
  const notes = JSON.parse((await request(`${url}/notes`)).body) as { text: string }[];
  assert.deepEqual(
    notes.map(({ text }) => text),
    ['one', 'two', 'three', 'four'],
  );
  const refused = await postNote(url, {});
  assert.equal(refused.status, 400);

  const page = await request(`${url}/spread.html`);
  assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
  const { routes } = JSON.parse((await request(`${url}/`)).body) as { routes: string[] };
  assert.ok(routes.includes('GET /whoami'));
  for (const route of routes.filter((one) => one.startsWith('GET '))) {
    assert.equal((await request(url + route.slice(4))).status, 200, route);
  }
});

test('examples/http answers, and ends by itself on SIGTERM', async (t) => {
  const evener = start(t, 'http/server.mjs');
  assert.match((await request(await evener.url(2))).body, /^Hello from worker [01], pid \d+\n$/);
  evener.kill('SIGTERM');
  assertEnding(await evener.ended, 0);
});

function start(t: TestContext, script: string, env: Record<string, string> = {}): EvenerProcess {
  return new EvenerProcess(t, [script, '--workers', '2', '--port', '0'], { cwd: EXAMPLES, env });
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evt-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function postNote(url: string, note: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${url}/notes`, { method: 'POST', headers, body: JSON.stringify(note) });
}
