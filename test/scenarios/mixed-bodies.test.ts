import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../src/control/control-target.ts';
import { XorShift } from '../../src/core/rng.ts';
import { controlOf } from '../support/control.ts';
import { EvenerProcess, request } from '../support/evener-process.ts';
import { RawClient } from '../support/raw-client.ts';
import { until } from '../support/until.ts';

const CLIENTS = 16;
const BODIES = 4;

/** Sizes about each limit at which a body travels in another way. */
const SIZES: readonly number[] = [1_000, 12_000, 40_000, 66_000, 200_000, 1_500_000];

/** Asks over one connection after the other, and writes the body in uneven pieces. */
async function upload(url: string, rng: XorShift, agent: http.Agent): Promise<string> {
  const byte = 1 + rng.below(255);
  const size = SIZES[rng.below(SIZES.length)]! + rng.below(1_000);
  const isChunked = rng.below(2) === 0;
  const headers = { 'X-Byte': String(byte), ...(isChunked ? {} : { 'Content-Length': size }) };
  const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
    const request = http.request(url, { method: 'POST', agent, headers }, resolve).on('error', reject);
    const write = async (): Promise<void> => {
      for (let left = size; left > 0; ) {
        const piece = Buffer.alloc(Math.min(left, 1 + rng.below(rng.below(2) === 0 ? 16_000 : 100_000)), byte);
        left -= piece.length;
        if (!request.write(piece)) await new Promise((drained) => request.once('drain', drained));
      }
      request.end();
    };
    write().catch(reject);
  });
  let told = '';
  for await (const piece of await answer) told += piece;
  assert.deepEqual(JSON.parse(told), { all: size, wrong: 0 });
  return told;
}

/** Reads a response, sometimes slowly. */
async function download(url: string, rng: XorShift, agent: http.Agent): Promise<void> {
  const byte = 1 + rng.below(255);
  const size = SIZES[rng.below(SIZES.length)]! + rng.below(1_000);
  const isSlow = rng.below(3) === 0;
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get(`${url}/${byte}/${size}`, { agent }, resolve).on('error', reject);
  });
  let all = 0;
  for await (const piece of answer) {
    all += piece.length;
    assert.ok(piece.every((each: number) => each === byte));
    if (isSlow) await sleep(rng.below(5));
  }
  assert.equal(all, size);
}

async function mix(url: string): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
  const client = async (seed: number): Promise<void> => {
    const rng = new XorShift(seed);
    for (let i = 0; i < BODIES; i++) await (rng.below(2) === 0 ? upload(url, rng, agent) : download(url, rng, agent));
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i + 1)));
  } finally {
    agent.destroy();
  }
}

/** Evener in front of this server, which listens from now on. */
async function proxyOf(context: TestContext, server: http.Server): Promise<EvenerProcess> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as net.AddressInfo;
  return new EvenerProcess(context, ['proxy', `http://127.0.0.1:${port}`, '-p', '0']);
}

test('bodies of many clients at once do not mix, on their way to workers and to servers', async (t) => {
  const evener = new EvenerProcess(t, ['one-byte.cjs', '-w', '2']);
  const url = await evener.url(2);
  await mix(url);
  const proxy = new EvenerProcess(t, ['proxy', url, '-p', '0']);
  await mix(await proxy.url(0));
});

test("an app's memory is its own again when it is told so, and not before", async (context) => {
  const evener = new EvenerProcess(context, ['reused-buffer.cjs', '-w', '2']);
  const url = await evener.url(2);
  const clients = 96;
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const pieceBytes = 48 * 1024;
  const ask = async (id: number): Promise<void> => {
    const pieces = 1 + (id % 4);
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(`${url}/${id % 251}/${pieces}${id % 8 < 4 ? '?sized' : ''}`, { agent }, resolve).on('error', reject);
    });
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part);
    const body = Buffer.concat(parts);
    assert.equal(body.length, pieces * pieceBytes);
    for (let i = 0; i < pieces; i++) {
      const piece = body.subarray(i * pieceBytes, (i + 1) * pieceBytes);
      assert.ok(
        piece.equals(Buffer.alloc(pieceBytes, ((id % 251) + i) % 251)),
        `piece ${i} of ${pieces} of answer ${id}`,
      );
    }
  };
  const client = async (first: number): Promise<void> => {
    for (let i = 0; i < 50; i++) await ask(first + i * clients);
  };
  await Promise.all(Array.from({ length: clients }, (_, i) => client(i)));
  agent.destroy();
});

test('large heads of servers do not mix, on their way to clients that do not read', async (context) => {
  /** A head of 11 KiB, all of it the request's own number. */
  const server = http.createServer((incoming, response) => {
    const id = incoming.url!.slice(1);
    response.writeHead(304, Array.from({ length: 11 }, (_, i) => [`x-${i}`, id.repeat(128)]).flat());
    response.end();
  });
  const proxy = await proxyOf(context, server);
  const url = new URL(await proxy.url(0));
  let lastId = 10_000_000;
  const slow = async (): Promise<void> => {
    const ids = Array.from({ length: 600 }, () => String(lastId++));
    const client = net.connect(Number(url.port), '127.0.0.1');
    context.after(() => client.destroy());
    await once(client, 'connect');
    client.write(ids.map((id) => `GET /${id} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    await sleep(500);
    let text = '';
    let answers = 0;
    for await (const piece of client) {
      text += (piece as Buffer).latin1Slice();
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const id = ids[answers++]!;
        const values = [...text.slice(0, end).matchAll(/^x-\d+: (.*)$/gim)].map(([, value]) => value);
        assert.deepEqual(values, new Array(11).fill(id.repeat(128)), `answer ${answers}`);
        text = text.slice(end + 4);
      }
      if (answers === ids.length) break;
    }
    assert.equal(answers, ids.length);
  };
  await Promise.all([slow(), slow(), slow(), slow()]);
});

test('a response that waits for drain after large pieces ends', async (context) => {
  const evener = new EvenerProcess(context, ['reused-buffer.cjs', '-w', '2']);
  const url = await evener.url(2);
  const clients = 48;
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const client = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) {
      const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
        http.get(`${url}/0/8?piped`, { agent }, resolve).on('error', reject);
      });
      let bytes = 0;
      for await (const piece of answer) bytes += (piece as Buffer).length;
      assert.equal(bytes, 8 * 48 * 1024);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
});

test('a body behind the end of another is that of its own request', async (context) => {
  // Answers when it has the head, and tells of each body when it has all of it.
  const bodies: Buffer[] = [];
  const server = http.createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => bodies.push(Buffer.concat(pieces)));
    response.end();
  });
  const proxy = await proxyOf(context, server);
  const client = await RawClient.connect(context, await proxy.url(0));
  const large = Buffer.alloc(100_000, 'a');
  const halves = [Buffer.alloc(20_000, 'b'), Buffer.alloc(20_000, 'c')] as const;
  const head = (length: number): Buffer =>
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
  for (let round = 1; round <= 5; round++) {
    client.write(Buffer.concat([head(large.length), large.subarray(1)]));
    await client.response();
    // Time for all of it to be read: what comes next comes in one read with the end of it.
    await sleep(50);
    client.write(Buffer.concat([large.subarray(0, 1), head(40_000), halves[0]]));
    await client.response();
    await sleep(50);
    client.write(halves[1]);
    await until('both bodies', () => bodies.length === 2 * round);
    assert.ok(bodies.at(-2)!.equals(large));
    assert.ok(bodies.at(-1)!.equals(Buffer.concat(halves)), 'it has bytes of another');
  }
});

test('an app that answers early has all of the body, however slowly it reads', async (context) => {
  const evener = new EvenerProcess(context, ['early-answers.cjs', '-w', '1']);
  const url = await evener.url(1);
  const client = await RawClient.connect(context, url);
  const chunk = `1388\r\n${'x'.repeat(5_000)}\r\n`;
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(4)}0\r\n\r\n`);
  assert.equal((await client.response()).status, 200);
  const ended = await until('its end', async () => {
    const lengths = JSON.parse((await request(url)).body) as number[];
    return lengths.length > 0 ? lengths : null;
  });
  assert.deepEqual(ended, [20_000]);
});

test('an app that answers early has all of a large body, also of a client that leaves with its answer', async (context) => {
  const evener = new EvenerProcess(context, ['early-answers.cjs', '-w', '1']);
  const url = await evener.url(1);
  const lengths = [300_000, 1_000_000, 3_000_000];
  for (const length of lengths) {
    const client = await RawClient.connect(context, url);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    client.socket.end(Buffer.alloc(length, 'x'));
    assert.equal((await client.response()).status, 200);
  }
  const ended = await until('all ends', async () => {
    const seen = JSON.parse((await request(url)).body) as number[];
    return seen.length === lengths.length ? seen : null;
  });
  assert.deepEqual(
    ended.sort((a, b) => a - b),
    lengths,
  );
});

test('clients that leave without having read many small answers are forgotten', async (context) => {
  const evener = new EvenerProcess(context, ['texts.cjs', '-w', '2']);
  const { port } = new URL(await evener.url(2));
  const leave = async (_: unknown, place: number): Promise<void> => {
    const client = net.connect(Number(port), '127.0.0.1').pause();
    context.after(() => client.destroy());
    client.on('error', () => {});
    await once(client, 'connect');
    client.write('GET /7000 HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_700));
    await sleep(200 + ((place * 131) % 800));
    if (place % 2 === 0) client.destroy();
    else client.resetAndDestroy();
  };
  for (let round = 0; round < 4; round++) await Promise.all(Array.from({ length: 60 }, leave));
  const control = await controlOf(evener);
  await until('all to be forgotten', async () => (await control.get<Status>('/status')).connections === 0);
});
