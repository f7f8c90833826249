import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Balancer } from '../../src/balancer/balancer.ts';
import { SERVER_LIMITS } from '../../src/balancer/server-pools.ts';
import { SessionTable } from '../../src/balancing/session-table.ts';
import { CHANNEL_VERSION, type FromBalancer } from '../../src/channel/messages.ts';
import type { AppOptions } from '../../src/config/options.ts';
import { resolveOptions } from '../../src/config/resolve.ts';
import type { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameFlag, FrameType, type Hello, LINK_VERSION, type ListenRequest } from '../../src/link/frames.ts';
import { Meters } from '../../src/observability/meters.ts';
import { settingsOf } from '../../src/supervision/balancer-threads.ts';
import { linkPeer } from '../link/link-peer.ts';
import type { FrameRecorder } from '../link/recorded-frames.ts';
import { APPS } from '../support/evener-process.ts';

export interface StartedBalancer {
  readonly balancer: Balancer;
  readonly meters: Meters;
  /** Name of its only app's. */
  readonly pool: AppOptions['name'];
  readonly linkPath: string;
  /** What it has told its supervisor. */
  readonly told: readonly FromBalancer[];
}

/** A balancer thread's balancer, in this process: the test is its supervisor. Of several threads it is thread 0. */
export async function startBalancer(
  context: TestContext,
  more: { queueTimeout?: string } = {},
  threads: number = 1,
): Promise<StartedBalancer> {
  const folder = mkdtempSync(join(tmpdir(), 'evb-'));
  const meters = new Meters(threads);
  const options = resolveOptions({ name: 'app', app: 'server.cjs', cwd: APPS, port: 0, ...more });
  const told: FromBalancer[] = [];
  const linkPath = join(folder, 'link.sock');
  const birth = {
    version: CHANNEL_VERSION,
    thread: 0,
    threads,
    linkPath,
    settings: settingsOf(options, meters),
    meter: meters.threads,
    sessions: SessionTable.memoryFor(threads),
    secret: 'secret',
    activated: [],
    opened: new Map(),
  };
  const balancer = new Balancer(birth, (message) => void told.push(message));
  context.after(() => {
    balancer.close();
    rmSync(folder, { recursive: true });
  });
  await balancer.start(linkPath);
  return { balancer, meters, pool: options.apps[0]!.name, linkPath, told };
}

const TOKEN = '0'.repeat(32);

/** The end of a link that is a worker's. */
export interface DialledWorker {
  readonly socket: net.Socket;
  readonly received: FrameRecorder;
  readonly writer: FrameWriter;
  /** Listens with a server of HTTP, on any port of loopback. */
  listen(id: number): void;
}

/** The test dials in as worker 1. @param prepare called once that is expected, and before it does */
export async function dialAsWorker(
  context: TestContext,
  { balancer, meters, pool, linkPath }: StartedBalancer,
  prepare: (balancer: Balancer) => void = () => {},
): Promise<DialledWorker> {
  const meter = meters.worker(1);
  balancer.receive({ type: 'expect-worker', worker: 1, pool, slot: 0, token: TOKEN, isHeld: false, meter });
  prepare(balancer);
  const socket = net.connect(linkPath);
  context.after(() => socket.destroy());
  await once(socket, 'connect');
  const { received, writer } = linkPeer(socket);
  const hello: Hello = { version: LINK_VERSION, worker: 1, token: TOKEN, pid: process.pid };
  writer.utf8(FrameType.Hello, FrameFlag.None, 0, JSON.stringify(hello));
  const request: ListenRequest = {
    ...{ host: '127.0.0.1', port: 0, path: null, pathMode: 0, ipv6Only: false, backlog: 0 },
    ...{ protocol: 'http', opened: null, server: SERVER_LIMITS },
  };
  const listen = (id: number): void => {
    writer.utf8(FrameType.Listen, FrameFlag.None, id, JSON.stringify(request));
    writer.flush();
  };
  return { socket, received, writer, listen };
}
