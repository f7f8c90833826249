import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { Readable } from 'node:stream';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvenerProcess } from '../support/evener-process.ts';
import { memoryOf } from '../support/memory.ts';
import { startedOnce } from '../support/started-once.ts';

const MIB = 1024 * 1024;
const BLOCK_BYTES = 64 * 1024;
const MEMORY_LIMIT = 150 * MIB;

/** More than it may take by far, and its SHA-256: to compute it again would take seconds. */
const LARGE_MIB = 256;
const LARGE_SHA256 = '8f8ddc736c0b0646533b9ee98b0be4bf615d30a190aaada898440cfd78917d0f';

/** One for all: what it takes at its highest is bounded whatever the bodies are. */
const started = startedOnce(async (cleanup): Promise<[EvenerProcess, string]> => {
  const evener = new EvenerProcess(cleanup, ['large-bodies.cjs', '-w', '2']);
  return [evener, await evener.url(2)];
});

function assertSmall(evener: EvenerProcess): void {
  const { peak } = memoryOf(evener.pid);
  assert.ok(peak < MEMORY_LIMIT, `${Math.round(peak / MIB)} MiB`);
}

function block(index: number): Buffer {
  const bytes = Buffer.allocUnsafe(BLOCK_BYTES).fill('evener ');
  bytes.writeUInt32BE(index);
  return bytes;
}

function* blocks(mib: number): Iterable<Buffer> {
  for (let index = 0; index < (mib * MIB) / BLOCK_BYTES; index++) yield block(index);
}

function sha256(pieces: Iterable<Buffer>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function get(url: string): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false }, resolve).on('error', reject);
  });
}

for (const framing of ['with a length', 'in chunks']) {
  test(`carries an upload of 100 MiB ${framing} in bounded memory`, async () => {
    const [evener, url] = await started();
    const headers = framing === 'in chunks' ? {} : { 'Content-Length': 100 * MIB };
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request(url, { method: 'POST', agent: false, headers }, resolve);
      request.on('error', reject);
      Readable.from(blocks(100)).pipe(request);
    });
    let told = '';
    for await (const piece of answer) told += piece;
    assert.equal(told, sha256(blocks(100)));
    assertSmall(evener);
  });
}

test(`carries a download of ${LARGE_MIB} MiB in bounded memory`, async () => {
  const [evener, url] = await started();
  const hash = createHash('sha256');
  for await (const piece of await get(`${url}/?mib=${LARGE_MIB}`)) hash.update(piece);
  assert.equal(hash.digest('hex'), LARGE_SHA256);
  assertSmall(evener);
});

test('carries a download to a slow reader in bounded memory', async () => {
  const [evener, url] = await started();
  const hash = createHash('sha256');
  for await (const piece of await get(`${url}/?mib=48`)) {
    hash.update(piece);
    // 64 KiB at a time, at most some 16 MiB/s.
    await sleep(4);
  }
  assert.equal(hash.digest('hex'), sha256(blocks(48)));
  assertSmall(evener);
});

test('carries an upload to a slow app in bounded memory', async (t) => {
  const evener = new EvenerProcess(t, ['slow-reading.cjs', '-w', '1']);
  const url = await evener.url(1);
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent: false }, resolve);
    request.on('error', reject);
    Readable.from(blocks(32)).pipe(request);
  });
  let told = '';
  for await (const piece of answer) told += piece;
  assert.equal(told, sha256(blocks(32)));
  assertSmall(evener);
});
