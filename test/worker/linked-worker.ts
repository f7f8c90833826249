import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHANNEL_VERSION } from '../../src/channel/messages.ts';
import { encodeWorkerBirth, ledgerPath, WORKER_BIRTH_VARIABLE } from '../../src/channel/worker-birth.ts';
import { Method } from '../../src/http1/methods.ts';
import type { FrameWriter } from '../../src/link/frame-writer.ts';
import { FrameFlag, FrameType } from '../../src/link/frames.ts';
import { LEDGER_ALL_FROM, LEDGER_BEGUN_AT, LEDGER_REVOKED_AT } from '../../src/link/ledger.ts';
import { linkPeer } from '../link/link-peer.ts';
import type { Frame, FrameRecorder } from '../link/recorded-frames.ts';
import { APPS } from '../support/evener-process.ts';
import { until } from '../support/until.ts';

const PRELOAD = fileURLToPath(new URL('../../src/worker/preload.cjs', import.meta.url));
/** When a request was sent, so that the worker looks whether it was taken back meanwhile. */
const LONG_AGO = 0;
const PEER = { listener: 1, remoteAddress: '127.0.0.1', remotePort: 1, remoteFamily: 'IPv4' };

/** A real worker whose balancer is the test. */
export class LinkedWorker {
  readonly received: FrameRecorder;
  readonly #file: string;
  readonly #writer: FrameWriter;
  readonly #word: number;

  private constructor(socket: net.Socket, file: string, word: number) {
    this.#file = file;
    this.#word = word;
    const { received, writer } = linkPeer(socket);
    this.received = received;
    this.#writer = writer;
  }

  /** @param app gets a file in which it may note what it begins */
  static async start(t: TestContext, app: string): Promise<LinkedWorker> {
    const folder = mkdtempSync(join(tmpdir(), 'evener-linked-'));
    const [path, file] = [join(folder, 'link.sock'), join(folder, 'begun')];
    const server = net.createServer().listen(path);
    await once(server, 'listening');
    const birth = { version: CHANNEL_VERSION, slot: 0, worker: 7, token: '0'.repeat(32), linkPaths: [path] };
    const env = { ...process.env, [WORKER_BIRTH_VARIABLE]: encodeWorkerBirth({ ...birth, travels: false }) };
    const args = ['--require', PRELOAD, join(APPS, app), file];
    const child: ChildProcess = spawn(process.execPath, args, { env, stdio: 'inherit' });
    t.after(() => {
      child.kill('SIGKILL');
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    t.after(() => socket.destroy());
    const word = openSync(ledgerPath(path, 7), 'r+');
    const worker = new LinkedWorker(socket, file, word);
    const listen = await worker.frame(FrameType.Listen);
    worker.json(FrameType.Listening, listen.stream, {
      ok: true,
      listener: 1,
      address: '127.0.0.1',
      port: 1,
      family: 'IPv4',
    });
    return worker;
  }

  get begun(): string[] {
    return existsSync(this.#file) ? readFileSync(this.#file, 'utf8').split('\n').slice(0, -1) : [];
  }

  frame(type: number, stream: number | null = null): Promise<Frame> {
    return until(`frame ${type}`, () =>
      this.received.frames.find((frame) => frame.type === type && (stream === null || frame.stream === stream)),
    );
  }

  count(type: number): number {
    return this.received.frames.filter((frame) => frame.type === type).length;
  }

  revoke(upToStream: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(upToStream);
    writeSync(this.#word, bytes, 0, 4, LEDGER_REVOKED_AT);
  }

  /** The last stream that it has noted as begun. */
  get noted(): number {
    return this.#read(LEDGER_BEGUN_AT);
  }

  /** The first of those of which it notes all. */
  get notesAllFrom(): number {
    return this.#read(LEDGER_ALL_FROM);
  }

  #read(at: number): number {
    const bytes = Buffer.alloc(4);
    readSync(this.#word, bytes, 0, 4, at);
    return bytes.readUInt32LE();
  }

  /** Asks whether its event loop turns. */
  beat(): void {
    this.#writer.text(FrameType.Ping, FrameFlag.Beat, 0, '');
    this.#writer.flush();
  }

  json(type: number, stream: number, payload: object): void {
    this.#writer.utf8(type, FrameFlag.None, stream, JSON.stringify(payload));
    this.#writer.flush();
  }

  tell(type: number, stream: number): void {
    this.#writer.text(type, FrameFlag.None, stream, '');
    this.#writer.flush();
  }

  /** A POST on a connection of its own, its body in two pieces. */
  post(stream: number): void {
    const target = `/?id=${stream}`;
    const head = `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n`;
    this.json(FrameType.Peer, stream, PEER);
    this.#writer.open(stream, FrameFlag.KeepAlive, stream, Method.Post, 1, 5, target.length, LONG_AGO, head);
    this.#writer.bytes(FrameType.Data, FrameFlag.None, stream, Buffer.from('half '));
    this.#writer.bytes(FrameType.Data, FrameFlag.End, stream, Buffer.from('whole'));
    this.#writer.flush();
  }

  /** GETs on connections of their own, all in one write. */
  get(targets: ReadonlyMap<number, string>): void {
    for (const [stream, target] of targets) {
      const head = `GET ${target} HTTP/1.1\r\nHost: a\r\n`;
      this.#writer.utf8(FrameType.Peer, FrameFlag.None, stream, JSON.stringify(PEER));
      const flags = FrameFlag.KeepAlive | FrameFlag.End;
      this.#writer.open(stream, flags, stream, Method.Get, 1, 4, target.length, LONG_AGO, head);
    }
    this.#writer.flush();
  }
}
