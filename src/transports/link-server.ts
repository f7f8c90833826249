import { existsSync } from 'node:fs';
import net from 'node:net';
import { constants } from 'node:os';
import { ledgerPath } from '../channel/worker-birth.ts';
import { acceptHandles } from '../core/accept-handles.ts';
import type { Clock } from '../core/clock.ts';
import { isAlive } from '../core/is-alive.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { FrameType, type Hello, LINK_VERSION, type ListenRequest } from '../link/frames.ts';
import type { WorkerMeter } from '../observability/worker-meter.ts';
import { LinkTransport } from './link-transport.ts';
import { StreamLedger } from './stream-ledger.ts';

/** A connection that has not said who it is by then is closed. */
const HELLO_TIMEOUT_MS = 5_000;

/** A worker that is expected to dial in. */
export interface WorkerToExpect {
  readonly pool: string;
  /** It is to get no requests yet, or none any more. */
  isHeld: boolean;
  /** Its place in the pool, which others had before it. */
  readonly slot: number;
  readonly token: string;
  readonly meter: WorkerMeter;
}

interface ExpectedWorker extends WorkerToExpect {
  /** Its link; null until it has dialled in, and after it has hung up. */
  link: LinkTransport | null;
  /** The process that said hello on it. */
  pid: number;
}

/** What the owner of the links hears; `worker` is the incarnation that dialled in. */
export interface LinkServerEvents {
  onLinked(worker: number, pid: number, link: LinkTransport): void;
  /** The app listens. False = the request makes no sense, and breaks the link. */
  onListen(worker: number, link: LinkTransport, listenId: number, request: ListenRequest): boolean;
  onUnlisten(worker: number, link: LinkTransport, listenId: number): void;
  onConnectionClosed(connectionId: number, isKept: boolean, link: LinkTransport): void;
  onProbes(connectionId: number, isOn: boolean, afterSeconds: number): void;
  /** A worker that is given nothing new has finished what it had. */
  onIdle(): void;
  onMetrics(worker: number, question: number, json: string): void;
  onStalled(worker: number, silentMs: number, isTurning: boolean): void;
  onRecovered(worker: number, silentMs: number): void;
  onTurning(worker: number): void;
  onUnlinked(worker: number, link: LinkTransport, isProtocolError: boolean, detail: string): void;
}

/** Accepts workers on a Unix socket, lets in only those that are expected, and owns their links. */
export class LinkServer {
  #server: net.Server;
  readonly #turn: FlushTurn;
  readonly #clock: Clock;
  readonly #events: LinkServerEvents;
  readonly #expected = new Map<number, ExpectedWorker>();
  readonly #links = new Set<LinkTransport>();
  /** Of processes that came second. */
  readonly #others = new Set<LinkTransport>();
  /** '' = it is not open. */
  #path = '';

  constructor(turn: FlushTurn, clock: Clock, events: LinkServerEvents) {
    this.#turn = turn;
    this.#clock = clock;
    this.#events = events;
    this.#server = net.createServer();
  }

  listen(path: string): Promise<void> {
    this.#path = path;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        acceptHandles(
          this.#server,
          (handle) => this.#accept(handle),
          () => {},
        );
        resolve();
      });
    });
  }

  /** Where somebody removed the socket, another takes its place. Those that are linked stay so. Rejects with the system's error. */
  async reopen(): Promise<void> {
    if (this.#path === '' || existsSync(this.#path)) return;
    this.#server.close();
    this.#server = net.createServer();
    await this.listen(this.#path);
  }

  get links(): ReadonlySet<LinkTransport> {
    return this.#links;
  }

  expect(worker: number, facts: WorkerToExpect): void {
    this.#expected.set(worker, { ...facts, link: null, pid: 0 });
  }

  /** It may get requests from now on. */
  admit(worker: number): void {
    const expected = this.#expected.get(worker);
    if (expected === undefined) return;
    expected.isHeld = false;
    expected.link?.endpoint.setEnabled(true);
  }

  /** It gets no more requests from now on, also where it is still to dial in. */
  hold(worker: number): void {
    const expected = this.#expected.get(worker);
    if (expected === undefined) return;
    expected.isHeld = true;
    expected.link?.endpoint.setEnabled(false);
  }

  /** Empty for one that is not expected any more. */
  poolOf(worker: number): string {
    return this.#expected.get(worker)?.pool ?? '';
  }

  /** The worker's process has ended: nothing more will come. */
  forget(worker: number): void {
    const expected = this.#expected.get(worker);
    this.#expected.delete(worker);
    // What it wrote before it died is still read: its socket closes by itself. Only a link that survives its process,
    // held open by a child of it, has to be closed.
    const link = expected?.link;
    if (link) setTimeout(() => link.close(), 250).unref();
  }

  linkOf(worker: number): LinkTransport | null {
    return this.#expected.get(worker)?.link ?? null;
  }

  close(): void {
    this.#path = '';
    this.#server.close();
    for (const link of [...this.#links, ...this.#others]) link.close();
  }

  #accept(handle: object): void {
    let worker = -1;
    let first = 0;
    const link: LinkTransport = new LinkTransport(handle, 0, this.#turn, this.#clock, {
      onControl: (type, stream, payload) => {
        if (worker !== -1) return this.#control(worker, link, type, stream, payload);
        if (first !== 0) return this.#turnAway(link, type, stream, first);
        if (type !== FrameType.Hello) return false;
        clearTimeout(impatience);
        first = this.#firstOf(payload);
        if (first !== 0) this.#others.add(link);
        else worker = this.#greet(link, payload);
        return first !== 0 || worker !== -1;
      },
      onConnectionClosed: (id, isKept) => this.#events.onConnectionClosed(id, isKept, link),
      onProbes: (id, isOn, afterSeconds) => this.#events.onProbes(id, isOn, afterSeconds),
      onIdle: () => this.#events.onIdle(),
      onMetrics: (question, json) => this.#events.onMetrics(worker, question, json),
      onStalled: (silentMs, isTurning) => this.#events.onStalled(worker, silentMs, isTurning),
      onRecovered: (silentMs) => this.#events.onRecovered(worker, silentMs),
      onTurning: () => this.#events.onTurning(worker),
      onClosed: (isProtocolError, detail) => {
        clearTimeout(impatience);
        this.#links.delete(link);
        this.#others.delete(link);
        if (worker === -1) return;
        const expected = this.#expected.get(worker);
        if (expected?.link === link) expected.link = null;
        this.#events.onUnlinked(worker, link, isProtocolError, detail);
      },
    });
    const impatience = setTimeout(() => link.close(), HELLO_TIMEOUT_MS);
  }

  /** The incarnation that said hello; -1 when it is not to be let in. */
  #greet(link: LinkTransport, payload: string): number {
    const hello = parse(payload) as Partial<Hello> | null;
    if (hello === null || hello.version !== LINK_VERSION || typeof hello.worker !== 'number') return -1;
    const expected = this.#expected.get(hello.worker);
    if (expected === undefined || expected.token !== hello.token || expected.link !== null) return -1;
    expected.link = link;
    expected.pid = Number(hello.pid);
    link.introduce(String(expected.slot), expected.meter);
    if (expected.isHeld) link.endpoint.setEnabled(false);
    link.endpoint.incarnation = hello.worker;
    this.#links.add(link);
    link.setLedger(StreamLedger.open(ledgerPath(this.#path, hello.worker)));
    this.#events.onLinked(hello.worker, Number(hello.pid), link);
    return hello.worker;
  }

  /** Of a package command several processes may listen: the one that has done so for this worker already; 0 = none has. */
  #firstOf(payload: string): number {
    const hello = parse(payload) as Partial<Hello> | null;
    const expected = this.#expected.get(Number(hello?.worker));
    if (!expected?.link || expected.token !== hello?.token) return 0;
    // One that has gone leaves its place to the next, once its link is closed: that one will dial again.
    return expected.pid !== hello.pid && isAlive(expected.pid) ? expected.pid : 0;
  }

  /** Its listens fail with the reason, where it would wait for an answer else. */
  #turnAway(link: LinkTransport, type: number, stream: number, first: number): boolean {
    if (type !== FrameType.Listen) return type === FrameType.Unlisten;
    const reason = `process ${first} of this worker listens at Evener already, and only one may:`;
    // The worker puts the address in place of its last word.
    const message = `listen EPERM: ${reason} .`;
    link.control(FrameType.Listening, stream, {
      ok: false,
      code: 'EPERM',
      errno: -constants.errno.EPERM,
      message,
      listener: -1,
    });
    return true;
  }

  #control(worker: number, link: LinkTransport, type: number, stream: number, payload: string): boolean {
    if (type === FrameType.Unlisten) {
      this.#events.onUnlisten(worker, link, stream);
      return true;
    }
    if (type !== FrameType.Listen) return false;
    const request = parse(payload);
    return isListenRequest(request) && this.#events.onListen(worker, link, stream, request);
  }
}

function parse(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return null;
  }
}

function isListenRequest(value: unknown): value is ListenRequest {
  if (typeof value !== 'object' || value === null) return false;
  const request = value as Partial<ListenRequest>;
  const { server } = request;
  return (
    (request.host === null || typeof request.host === 'string') &&
    (request.path === null || typeof request.path === 'string') &&
    typeof request.pathMode === 'number' &&
    (request.opened === null || typeof request.opened === 'number') &&
    typeof request.port === 'number' &&
    typeof request.backlog === 'number' &&
    typeof request.ipv6Only === 'boolean' &&
    (request.protocol === 'http' || request.protocol === 'tcp') &&
    typeof server === 'object' &&
    server !== null &&
    [
      server.headersTimeoutMs,
      server.requestTimeoutMs,
      server.keepAliveTimeoutMs,
      server.keepAliveBufferMs,
      server.maxHeadBytes,
      server.maxFields,
      server.maxConnections ?? 0,
    ].every((n) => typeof n === 'number' && n >= 0)
  );
}
