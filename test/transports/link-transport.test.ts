import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ledgerPath } from '../../src/channel/worker-birth.ts';
import { Clock } from '../../src/core/clock.ts';
import { Outcome } from '../../src/core/outcome.ts';
import { ExchangeState } from '../../src/exchange/exchange.ts';
import { Method } from '../../src/http1/methods.ts';
import { FlushTurn } from '../../src/link/flush-turn.ts';
import { FrameFlag, FrameType, LINK_VERSION, REQUEST_WINDOW_BYTES } from '../../src/link/frames.ts';
import {
  BEAT_MS,
  LEDGER_ALL_FROM,
  LEDGER_BEGUN_AT,
  LEDGER_BYTES,
  LEDGER_REVOKED_AT,
  REVOKED_AFTER_MS,
} from '../../src/link/ledger.ts';
import { WorkerMeter } from '../../src/observability/worker-meter.ts';
import { LinkServer } from '../../src/transports/link-server.ts';
import type { LinkTransport } from '../../src/transports/link-transport.ts';
import { Road } from '../exchange/recorded-exchange.ts';
import { linkPeer } from '../link/link-peer.ts';
import type { FrameRecorder } from '../link/recorded-frames.ts';
import { until } from '../support/until.ts';

const TOKEN = '0'.repeat(32);

interface Linked {
  readonly road: Road;
  readonly link: LinkTransport;
  /** What the balancer's end has sent. */
  readonly received: FrameRecorder;
  /** Writes a frame of the worker's, at once. */
  send(type: number, stream: number): void;
  /** Lets so many bytes more come. */
  grant(stream: number, bytes: number): void;
  /** The same, of two numbers: 1 and 5,000. */
  sendPair(type: number, flags: number): void;
  /** What was said of its event loop. */
  readonly said: string[];
  /** The last stream that was taken back, as the ledger says. */
  revokedUpTo(): number;
  /** Writes the number of a stream into the ledger; by default: all up to it were begun. */
  note(stream: number, at?: number): void;
  /** The worker's end. */
  readonly socket: net.Socket;
}

/** A link whose worker is this test; one more endpoint takes what is moved. */
async function linked(t: TestContext): Promise<Linked & { other: ReturnType<Road['addEndpoint']> }> {
  const folder = mkdtempSync(join(tmpdir(), 'evener-link-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'link.sock');
  const road = new Road();
  let link: LinkTransport | null = null;
  const said: string[] = [];
  const server = new LinkServer(new FlushTurn(), new Clock(), {
    onLinked: (_worker, _pid, dialled) => {
      link = dialled;
    },
    onListen: () => true,
    onUnlisten: () => {},
    onConnectionClosed: () => {},
    onProbes: () => {},
    onIdle: () => {},
    onMetrics: () => {},
    onStalled: (_worker, _silentMs, isTurning) => said.push(isTurning ? 'behind' : 'stalled'),
    onTurning: () => said.push('turning'),
    onRecovered: () => said.push('recovered'),
    onUnlinked: () => {},
  });
  await server.listen(path);
  t.after(() => server.close());
  server.expect(1, { pool: 'app', slot: 0, token: TOKEN, isHeld: false, meter: new WorkerMeter() });
  writeFileSync(ledgerPath(path, 1), Buffer.alloc(LEDGER_BYTES));
  const word = openSync(ledgerPath(path, 1), 'r+');
  t.after(() => closeSync(word));
  const socket = net.connect(path);
  await once(socket, 'connect');
  t.after(() => socket.destroy());
  const { received, writer } = linkPeer(socket);
  writer.utf8(
    FrameType.Hello,
    FrameFlag.None,
    0,
    JSON.stringify({ version: LINK_VERSION, worker: 1, pid: 1, token: TOKEN }),
  );
  writer.flush();
  await until('the link', () => link);
  link!.endpoint.join(road.pool);
  return {
    road,
    link: link!,
    received,
    other: road.addEndpoint(),
    send: (type, stream) => {
      writer.text(type, FrameFlag.None, stream, '');
      writer.flush();
    },
    grant: (stream, bytes) => {
      writer.uint32(FrameType.Window, stream, bytes);
      writer.flush();
    },
    sendPair: (type, flags) => {
      writer.uint32Pair(type, flags, 0, 1, 5_000);
      writer.flush();
    },
    said,
    revokedUpTo: () => {
      const bytes = Buffer.alloc(4);
      readSync(word, bytes, 0, 4, LEDGER_REVOKED_AT);
      return bytes.readUInt32LE();
    },
    note: (stream, at = LEDGER_BEGUN_AT) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(stream);
      writeSync(word, bytes, 0, 4, at);
    },
    socket,
  };
}

/** A time that does not come while a test runs. ms */
const TO_COME = performance.now() + 3_600_000;

/** Nothing is heard of the worker for long, and it misses so many beats that it is stalled. */
async function stall(link: LinkTransport): Promise<void> {
  fallSilent(link);
  link.beat(250);
  await setTimeout(2 * BEAT_MS);
  for (let beat = 2; beat <= 3; beat++) link.beat(beat * 250);
}

/** Requests that this link has, whatever the policy says. They came long ago, but nobody looks at the worker before it falls silent. */
function opened(road: Road, link: LinkTransport, method: number, count: number) {
  const all = Array.from({ length: count }, () => {
    const made = road.exchange({ method });
    made.exchange.open(link.endpoint, 0);
    return made;
  });
  fallSilent(link, false);
  return all;
}

function fallSilent(link: LinkTransport, isSilent: boolean = true): void {
  link.endpoint.heard(isSilent ? 0 : TO_COME);
}

test('takes back what a stalled worker has not begun', async (t) => {
  const { road, link, received, send, note, revokedUpTo, other } = await linked(t);
  const [first, second, third] = opened(road, link, Method.Post, 3).map(({ exchange }) => exchange);
  await until(
    'the requests to arrive',
    () => received.frames.filter(({ type }) => type === FrameType.Open).length === 3,
  );
  note(second!.stream);
  const stream = third!.stream;
  await stall(link);
  assert.equal(revokedUpTo(), stream);
  assert.equal(third!.transport, other.transport);
  assert.deepEqual([first!.transport, second!.transport], [link, link]);
  await until('the worker to be told', () =>
    received.frames.some((frame) => frame.type === FrameType.Abort && frame.stream === stream),
  );
  assert.equal(road.counted.moved, 1);
  assert.equal(third!.avoid, null);
  // It goes on, and asks.
  send(FrameType.Claim, stream);
  send(FrameType.Claim, first!.stream);
  await until(
    'an answer',
    () => received.frames.find(({ type }) => type === FrameType.Grant)?.stream === first!.stream,
  );
  assert.equal(received.frames.filter(({ type }) => type === FrameType.Grant).length, 1);
});

test('a worker that dies has begun what it noted, and nothing else', async (t) => {
  const { road, link, note, socket, other } = await linked(t);
  const [first, second] = opened(road, link, Method.Post, 2).map(({ exchange }) => exchange);
  note(first!.stream);
  socket.destroy();
  await until('the link to close', () => first!.isSuspect);
  for (const exchange of link.takeInFlight()) exchange.onEndpointLost(0);
  assert.equal(first!.outcome, Outcome.EndpointReset);
  assert.equal(second!.transport, other.transport);
});

test('tells that a connection has closed when the worker has had all that came on it', async (t) => {
  const { road, link, received, send, grant } = await linked(t);
  const { exchange, client } = road.exchange({ isConnection: true });
  exchange.open(link.endpoint, 0);
  const { stream, connectionId } = exchange;
  send(FrameType.Tunnel, stream);
  await until('the tunnel', () => client.log.includes('tunnel'));
  exchange.pushBody(Buffer.alloc(REQUEST_WINDOW_BYTES, 'a'), false);
  exchange.pushBody(Buffer.from('b'), false);
  exchange.endBody('');
  send(FrameType.End, stream);
  await until('the end of what the worker sends', () => client.log.includes('end'));
  exchange.clientLeft();
  link.connectionClosed(connectionId, 'ended');
  grant(stream, 1);
  await until('Close', () => received.frames.at(-1)?.type === FrameType.Close);
  const ofStream = received.frames.filter((frame) => frame.stream === stream && frame.type < FrameType.Open);
  const data = ofStream.filter(({ type }) => type === FrameType.Data).map(({ payload }) => payload);
  assert.equal(data.join(''), `${'a'.repeat(REQUEST_WINDOW_BYTES)}b`);
  assert.equal(exchange.outcome, Outcome.Completed);
});

test('grants what it has not taken back, and does not take that back any more', async (t) => {
  const { road, link, received, send } = await linked(t);
  const { exchange } = opened(road, link, Method.Post, 1)[0]!;
  send(FrameType.Claim, exchange.stream);
  await until('Grant', () => received.frames.some(({ type }) => type === FrameType.Grant));
  await stall(link);
  assert.equal(exchange.transport, link);
});

test('takes back without waiting for beats', async (t) => {
  const { road, link, revokedUpTo, other } = await linked(t);
  const { exchange } = opened(road, link, Method.Post, 1)[0]!;
  fallSilent(link);
  await until('it to be taken back', () => exchange.transport === other.transport);
  assert.equal(revokedUpTo(), exchange.stream);
  assert.ok(!link.endpoint.isEligible, 'until it is heard of');
  link.endpoint.heard(performance.now());
  assert.ok(link.endpoint.isEligible);
});

test('takes nothing back from a worker that is heard of', async (t) => {
  const { road, link, revokedUpTo, other } = await linked(t);
  const { exchange } = opened(road, link, Method.Post, 1)[0]!;
  await setTimeout(5 * REVOKED_AFTER_MS);
  assert.equal(revokedUpTo(), 0);
  assert.equal(exchange.transport, link);
  fallSilent(link);
  await until('it to be taken back', () => exchange.transport === other.transport);
});

test('takes nothing back that was sent a moment ago, and makes the number in the file never less', async (t) => {
  const { road, link, revokedUpTo, other } = await linked(t);
  const [old, second, young] = opened(road, link, Method.Post, 3).map(({ exchange }) => exchange);
  second!.sentAtMs = TO_COME;
  young!.sentAtMs = 0;
  old!.isBound = true;
  fallSilent(link);
  await until('the third to be taken back', () => young!.transport === other.transport);
  assert.equal(revokedUpTo(), young!.stream);
  assert.deepEqual([old!.transport, second!.transport], [link, link]);
  old!.isBound = false;
  await until('the first to be taken back', () => old!.transport === other.transport);
  assert.equal(revokedUpTo(), young!.stream);
  assert.equal(second!.transport, link);
});

test('moves a GET of which the worker would have noted that it begins', async (t) => {
  const { road, link, note, other } = await linked(t);
  const [first, second, third] = opened(road, link, Method.Get, 3).map(({ exchange }) => exchange);
  note(second!.stream, LEDGER_ALL_FROM);
  note(second!.stream);
  await stall(link);
  assert.deepEqual([first!.transport, second!.transport], [link, link]);
  assert.equal(third!.transport, other.transport);
  assert.equal(third!.retries, 0, 'the budget of retries is for what may have begun');
});

test('moves no GET that the worker stopped to note meanwhile', async (t) => {
  const { road, link, note } = await linked(t);
  const [get] = opened(road, link, Method.Get, 1);
  note(get!.exchange.stream, LEDGER_ALL_FROM);
  assert.equal(link.inFlight()[0]!.isUnbegun, true);
  note(0, LEDGER_ALL_FROM);
  await stall(link);
  assert.equal(get!.exchange.transport, link, 'it may be running');
});

test('moves what a slow worker has not begun at most twice, and from one that does nothing at all once more', async (t) => {
  const { road, link, other } = await linked(t);
  const { exchange } = opened(road, link, Method.Post, 1)[0]!;
  fallSilent(link);
  await until('it to be taken back', () => exchange.transport === other.transport);
  fallSilent(link, false);
  exchange.onEndpointLost(0);
  assert.equal(exchange.transport, link);
  assert.equal(exchange.moves, 2);
  fallSilent(link);
  await setTimeout(5 * REVOKED_AFTER_MS);
  assert.equal(exchange.transport, link);
  await stall(link);
  await until('it to be taken back once more', () => exchange.transport === other.transport);
});

test('takes a beat for answered by its own Pong only', async (t) => {
  const { link, road, said, sendPair } = await linked(t);
  opened(road, link, Method.Post, 1);
  for (let beat = 1; beat <= 3; beat++) link.beat(beat * 250);
  assert.deepEqual(said, ['stalled']);
  const isAsked = new Promise((resolve) => link.probe(10_000, resolve));
  sendPair(FrameType.Pong, FrameFlag.None);
  assert.notEqual(await isAsked, null, 'who asked for it has it');
  assert.ok(link.endpoint.isStalled);
  sendPair(FrameType.Pong, FrameFlag.Beat);
  await until('it to recover', () => !link.endpoint.isStalled);
  assert.deepEqual(said, ['stalled', 'recovered']);
});

test('says of one in front of which requests wait that it is behind', async (t) => {
  const { link, road, said, sendPair } = await linked(t);
  opened(road, link, Method.Post, 1);
  link.beat(250);
  sendPair(FrameType.Load, FrameFlag.None);
  await until('Load to be read', () => link.loopDelayMs === 5);
  link.beat(500);
  link.beat(750);
  assert.equal(said[0], 'behind');
});

test('says of a stalled worker that it turns, when it has told so since the last beat', async (t) => {
  const { link, road, said, sendPair } = await linked(t);
  opened(road, link, Method.Post, 1);
  for (let beat = 1; beat <= 3; beat++) link.beat(beat * 250);
  link.beat(1000);
  assert.deepEqual(said, ['stalled']);
  for (let turned = 1; turned <= 2; turned++) {
    sendPair(FrameType.Load, FrameFlag.None);
    await until('Load to be read', () => {
      link.beat(1000 + turned);
      return said.length > turned ? true : null;
    });
    link.beat(1000 + turned);
  }
  assert.deepEqual(said, ['stalled', 'turning', 'turning']);
  assert.ok(link.endpoint.isStalled);
});

test('leaves a GET where it is, and moves none where nobody else is', async (t) => {
  const { road, link, other, revokedUpTo } = await linked(t);
  const [get] = opened(road, link, Method.Get, 1);
  await stall(link);
  assert.equal(revokedUpTo(), 0, 'there is nothing to revoke');
  other.endpoint.leaveAll();
  const [post] = opened(road, link, Method.Post, 1);
  link.beat(1000);
  assert.equal(revokedUpTo(), 0);
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  assert.deepEqual([get!.exchange.transport, post!.exchange.transport], [link, link]);
});

test('moves what no other was free for as soon as one is', async (t) => {
  const { road, link, other } = await linked(t);
  other.endpoint.holdUp();
  const [post] = opened(road, link, Method.Post, 1);
  fallSilent(link);
  await setTimeout(3 * REVOKED_AFTER_MS);
  assert.equal(post!.exchange.transport, link);
  other.endpoint.heard(performance.now());
  await until('it to be moved', () => post!.exchange.transport === other.transport);
});

test('hedges a GET once, within the budget, when the dispatcher says so', async (t) => {
  const { road, link, other } = await linked(t);
  road.dispatcher.hedgeMs = 600;
  const [get] = opened(road, link, Method.Get, 1);
  link.beat(250);
  link.beat(400);
  link.beat(500);
  assert.equal(get!.exchange.transport, link, 'not before the delay');
  link.beat(700);
  assert.equal(get!.exchange.transport, other.transport);
  assert.equal(road.counted.retried, 1);
  assert.equal(get!.exchange.state, ExchangeState.Opened);
  assert.equal(get!.exchange.isHedgeable, false);
});
