import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { startedOnce } from '../support/started-once.ts';
import { CHUNKS, FIELDS, FRAMING, HOSTS, REQUEST_LINES } from './request-corpus.ts';
import { SMUGGLING } from './smuggling-corpus.ts';
import type { WireCase } from './wire-case.ts';

/** `counting.cjs` behind one worker: what is sent to it arrives in the order in which it was sent. */
const started = startedOnce((cleanup) => new EvenerProcess(cleanup, ['counting.cjs', '-w', '1']).url(1));

/** What has reached the app since it was last asked. */
async function reached(url: string): Promise<string[]> {
  return JSON.parse((await request(`${url}/reached`)).body) as string[];
}

function assertReached(lines: string[], { reached, isClosed, mayMiss }: WireCase, times: number): void {
  const once = [...reached, ...(isClosed ? [] : ['GET /after'])];
  if (mayMiss) assert.ok(lines.length <= times && lines.every((line) => line === once[0]), lines.join());
  else
    assert.deepEqual(
      lines.sort(),
      Array.from({ length: times }, () => once)
        .flat()
        .sort(),
    );
}

/** Sends the pieces, each read before the next is written, and reads all that comes of them. */
async function meet(t: TestContext, url: string, { answers, isClosed }: WireCase, pieces: string[]): Promise<void> {
  const client = await RawClient.connect(t, url);
  for (const [i, piece] of pieces.entries()) {
    // What the piece before could bring about goes first: an answer of the app on another connection.
    if (i > 0) await request(`${url}/barrier`);
    client.write(piece);
  }
  for (const [i, status] of answers.entries()) {
    const response = await client.response();
    assert.equal(response.status, status);
    const isLast = i === answers.length - 1;
    assert.equal(/^Connection: close\r$/m.test(response.head), isClosed && isLast, response.head);
  }
  if (isClosed) {
    assert.equal(await client.rest(), '');
  } else {
    client.write('GET /after HTTP/1.1\r\nHost: a\r\n\r\n');
    const after = await client.response();
    assert.deepEqual([after.status, client.bytes], [200, 0]);
  }
  client.socket.destroy();
}

for (const [what, cases] of Object.entries({ REQUEST_LINES, FIELDS, HOSTS, FRAMING, CHUNKS, SMUGGLING })) {
  test(`on a real connection: ${what}`, async (t) => {
    const url = await started();
    for (const wire of cases) {
      await t.test(wire.name, async (t) => {
        await meet(t, url, wire, [wire.bytes]);
        assertReached(await reached(url), wire, 1);
      });
    }
  });
}

/** One of each kind, short enough to be cut everywhere. */
const CUT = new Set([
  'refuses HTTP/1.2',
  'refuses a bare CR in a value',
  'refuses obs-fold with a space',
  'refuses a space before the colon',
  'refuses two Hosts',
  'refuses the length "+5"',
  'refuses a length and chunks',
  'refuses a coding before chunked',
  'refuses a chunk longer than its size',
  'refuses a bare LF in an extension',
  'refuses a trailer that frames',
  'refuses CONNECT with content',
  'takes origin-form',
  'tolerates an empty line before the request line',
  'takes a length',
  'takes trailers',
  'drops extensions',
  'takes a length of nothing for what it is',
  'takes the body of a declined upgrade for a body',
]);

test('answers the same wherever a request is cut', async (t) => {
  const url = await started();
  const cases = [...REQUEST_LINES, ...FIELDS, ...HOSTS, ...FRAMING, ...CHUNKS, ...SMUGGLING];
  const chosen = cases.filter(({ name }) => CUT.has(name));
  assert.equal(chosen.length, CUT.size);
  for (const wire of chosen) {
    await t.test(wire.name, async (t) => {
      const cuts = Array.from({ length: wire.bytes.length - 1 }, (_, i) => i + 1);
      await Promise.all(cuts.map((at) => meet(t, url, wire, [wire.bytes.slice(0, at), wire.bytes.slice(at)])));
      const all = (await reached(url)).filter((line) => line !== 'GET /barrier');
      assertReached(all, wire, cuts.length);
    });
  }
});
