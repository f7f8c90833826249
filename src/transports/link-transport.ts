import net from 'node:net';
import { type Clock, toMonotonicMs } from '../core/clock.ts';
import { unsentBytes, writeBoth, writeBytes } from '../core/direct-write.ts';
import { giveReadMemory } from '../core/read-memory.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ConnectionEnd, ExchangeClient, Transport } from '../exchange/transport.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { type FrameHandler, FrameReader, readUint32 } from '../link/frame-reader.ts';
import { COPY_LIMIT_BYTES, type FrameSink, FrameWriter } from '../link/frame-writer.ts';
import { FrameFlag, FrameType } from '../link/frames.ts';
import { WorkerMeter } from '../observability/worker-meter.ts';
import { Endpoint } from '../pool/endpoint.ts';
import { LinkPulse, type PulseEvents } from './link-pulse.ts';
import { LinkStreams } from './link-streams.ts';
import type { StreamLedger } from './stream-ledger.ts';

const READ_BYTES = 128 * 1024;

/** After a failed write, what the worker had written before it died is still read; so long. */
const LAST_READ_MS = 1_000;

/** An app's metrics are taken up to so many pieces, of at most 1 MiB each. */
const MAX_METRICS_PIECES = 32;
/** Answers that a worker may owe; older ones are not waited for. */
const MAX_METRICS_QUESTIONS = 4;

/** What the owner of a link hears. */
export interface LinkEvents extends PulseEvents {
  /** A frame of the control kind: Hello, Listen, Unlisten. Payload as text. False breaks the link. */
  onControl(type: number, stream: number, payload: string): boolean;
  /** The app closed a client's connection. `isKept`: while it was idle, so that others may go on with it. */
  onConnectionClosed(connectionId: number, isKept: boolean): void;
  /** The app wants the kernel to see whether a silent client is still there, or wants that no more. */
  onProbes(connectionId: number, isOn: boolean, afterSeconds: number): void;
  /** It is given nothing new and has finished what it had. */
  onIdle(): void;
  /** The app's own metrics, asked for by {@link LinkTransport.askMetrics}. */
  onMetrics(question: number, json: string): void;
  /** `detail` says what was wrong where `isProtocolError`. The exchanges have not been told yet: call {@link LinkTransport.abandon}. */
  onClosed(isProtocolError: boolean, detail: string): void;
}

/** The balancer's end of one worker's link. */
export class LinkTransport implements Transport, FrameHandler, FrameSink {
  readonly endpoint: Endpoint<Transport>;
  #meter = new WorkerMeter();
  /** Answers under way, by question. */
  readonly #metrics = new Map<number, Buffer[]>();

  readonly #socket: net.Socket;
  readonly #events: LinkEvents;
  readonly #turn: FlushTurn;
  readonly #clock: Clock;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #streams: LinkStreams;
  readonly #pulse: LinkPulse;
  /** Client connections the worker has been told of. */
  readonly #knownConnections = new Set<number>();
  /** Client connections that have closed, or are about to, of which the worker is to have the rest first. null = not closed yet. */
  readonly #outlived = new Map<number, ConnectionEnd | null>();
  /** Clients that wrote views of the read buffer in this turn. */
  readonly #touched: ExchangeClient[] = [];
  #readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #isBroken = false;
  #isClosed = false;
  /** The kernel has not taken all that was written. */
  #isCongested = false;
  /** Memory that it takes from. */
  readonly #lent: Buffer[] = [];
  /** Whose bodies wait for that, in the order in which they came. */
  readonly #awaitingRoom = new Set<Exchange>();

  constructor(handle: object, id: number, turn: FlushTurn, clock: Clock, events: LinkEvents) {
    this.endpoint = new Endpoint<Transport>(id, this, () => this.#ping());
    this.#clock = clock;
    this.#events = events;
    this.#streams = new LinkStreams(this.endpoint, clock, () => this.#ping());
    this.#pulse = new LinkPulse(this.endpoint, clock, events);
    this.#turn = turn;
    this.#writer = new FrameWriter(this);
    this.#reader = new FrameReader(this);
    this.#socket = new net.Socket({
      handle,
      // Node asks for the buffer again after every read.
      onread: { buffer: () => this.#readBuffer, callback: this.#onRead },
    } as net.SocketConstructorOpts);
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#closed(false, ''));
    this.#keepReadingAfterWriteErrors();
  }

  /** It has said who it is. @param identity what it is known by: its slot */
  introduce(identity: string, meter: WorkerMeter): void {
    this.endpoint.identity = identity;
    this.#meter = meter;
    this.#pulse.showOn(meter);
    // A thread that died may have left its last number.
    meter.unlinked();
    if (meter.isShared) this.endpoint.shareLoad(meter);
  }

  // Transport.

  open(exchange: Exchange): void {
    this.#meter.setInFlight(this.endpoint.inFlight);
    const stream = this.#streams.add(exchange);
    if (!this.#knownConnections.has(exchange.connectionId)) {
      this.#knownConnections.add(exchange.connectionId);
      this.#writer.utf8(FrameType.Peer, FrameFlag.None, exchange.connectionId, JSON.stringify(exchange.client.peer));
    }
    if (exchange.lines === '') {
      this.#openWithoutHead(exchange, stream);
      return;
    }
    const flags =
      (exchange.body === null ? FrameFlag.End : FrameFlag.None) |
      (exchange.wantsUpgrade ? FrameFlag.Upgrade : FrameFlag.None) |
      (exchange.isRetried ? FrameFlag.Retried : FrameFlag.None) |
      (exchange.keepAlive ? FrameFlag.KeepAlive : FrameFlag.None);
    this.#writer.open(
      stream,
      flags,
      exchange.connectionId,
      exchange.method,
      exchange.minorVersion,
      exchange.targetOffset,
      exchange.targetLength,
      sentAtOf(exchange),
      exchange.lines,
    );
    if (exchange.body === null || exchange.wantsUpgrade) this.#turn.messageComplete();
  }

  #openWithoutHead(exchange: Exchange, stream: number): void {
    if (exchange.refusal === null) {
      this.#writer.uint32Pair(FrameType.Connect, FrameFlag.None, stream, exchange.connectionId, sentAtOf(exchange));
    } else this.#writer.utf8(FrameType.Refused, FrameFlag.None, stream, JSON.stringify(exchange.refusal));
    this.#turn.messageComplete();
  }

  sendBody(exchange: Exchange, bytes: Buffer): boolean {
    return this.#writer.bytes(FrameType.Data, FrameFlag.None, exchange.stream, bytes);
  }

  readonly copiesUpTo: number = COPY_LIMIT_BYTES - 1;

  get isCongested(): boolean {
    return this.#isCongested;
  }

  awaitRoom(exchange: Exchange): void {
    this.#awaitingRoom.add(exchange);
  }

  endBody(exchange: Exchange, trailers: string): void {
    if (trailers !== '' || !this.#writer.markEnd(exchange.stream)) {
      this.#writer.text(FrameType.End, FrameFlag.None, exchange.stream, trailers);
    }
    this.#turn.messageComplete();
  }

  grant(exchange: Exchange, bytes: number): void {
    this.#writer.uint32(FrameType.Window, exchange.stream, bytes);
  }

  abort(exchange: Exchange, end: ConnectionEnd): void {
    this.#awaitingRoom.delete(exchange);
    if (this.#streams.delete(exchange)) this.#writer.text(FrameType.Abort, flagOf(end), exchange.stream, '');
  }

  clientLeft(exchange: Exchange): void {
    this.#outlived.set(exchange.connectionId, null);
  }

  finished(exchange: Exchange): void {
    this.#streams.delete(exchange);
    if (this.#outlived.size > 0) this.#closeBehind(exchange);
    if (this.#awaitingRoom.size > 0) this.#awaitingRoom.delete(exchange);
    this.#meter.finished(this.#metered);
    if (!this.endpoint.isEnabled && this.endpoint.inFlight === 0) this.#events.onIdle();
  }

  moved(): void {
    this.#meter.setInFlight(this.#metered);
  }

  /** Once the link is closed nothing is in flight on it, in whatever order what was in flight comes to its end. */
  get #metered(): number {
    return this.#isClosed ? 0 : this.endpoint.inFlight;
  }

  touch(client: ExchangeClient): void {
    this.#touched.push(client);
  }

  // For the owner.

  /** Asks for the app's own metrics. */
  askMetrics(question: number): void {
    const [oldest] = this.#metrics.keys();
    if (this.#metrics.size >= MAX_METRICS_QUESTIONS) this.#metrics.delete(oldest!);
    this.#metrics.set(question, []);
    this.#writer.text(FrameType.AskMetrics, FrameFlag.None, question, '');
    this.#turn.messageComplete();
  }

  /** It is to go: it closes its WebSockets within that time, with this status. */
  drain(withinMs: number, webSocketStatus: number): void {
    this.#writer.uint32Pair(FrameType.Drain, FrameFlag.None, 0, Math.round(withinMs), webSocketStatus);
    this.#turn.messageComplete();
  }

  /** A client's connection is gone. */
  connectionClosed(connectionId: number, end: ConnectionEnd): void {
    if (this.#outlived.has(connectionId)) {
      this.#outlived.set(connectionId, end);
      return;
    }
    if (!this.#knownConnections.delete(connectionId)) return;
    this.#writer.text(FrameType.Close, flagOf(end), connectionId, '');
  }

  /** The worker has had all of it. */
  #closeBehind({ connectionId }: Exchange): void {
    const end = this.#outlived.get(connectionId);
    if (!this.#outlived.delete(connectionId) || !end) return;
    this.connectionClosed(connectionId, end);
  }

  /** A control frame with a JSON payload. */
  control(type: number, stream: number, payload: object): void {
    this.#writer.utf8(type, FrameFlag.None, stream, JSON.stringify(payload));
  }

  /** To be called once a beat; at `nowMs` (monotonic). */
  beat(nowMs: number): void {
    if (this.#pulse.beat(nowMs)) {
      this.#writer.text(FrameType.Ping, FrameFlag.Beat, 0, '');
      this.#streams.learnBegun();
    } else if (this.#pulse.isStalled) this.#streams.hedge(nowMs);
  }

  /** So long requests kept its event loop, as of what it told last. */
  get loopDelayMs(): number {
    return this.#pulse.loopDelayMs;
  }

  /** Share of late in which its event loop was busy, 0-1, as of its last answer. */
  get loopUtilization(): number {
    return this.#pulse.utilization;
  }

  /** The file that says what the worker has begun, and by which requests are taken back from it. */
  setLedger(ledger: StreamLedger | null): void {
    this.#streams.setLedger(ledger);
  }

  /** Streams that it has not finished, each with what is known of its beginning. A copy. */
  inFlight(): Exchange[] {
    return this.#streams.values();
  }

  /** Asks whether its event loop turns. @param done hears how long the answer took; null when there was none in time */
  probe(limitMs: number, done: (tookMs: number | null) => void): void {
    this.#pulse.awaitAnswer(limitMs, done);
    this.#ping();
  }

  /** Takes away what is in flight, to be run elsewhere or answered. */
  takeInFlight(): Exchange[] {
    this.#awaitingRoom.clear();
    return this.#streams.clear();
  }

  close(): void {
    this.#closed(false, '');
    this.#destroySocket();
  }

  // FrameSink.

  send(bytes: Buffer): boolean {
    if (this.#isBroken) return true;
    const isTaken = writeBytes(this.#socket, bytes, this.#onTaken);
    if (!isTaken) this.#isCongested = true;
    return isTaken;
  }

  sendBoth(first: Buffer, second: Buffer): boolean {
    if (this.#isBroken) return true;
    const isTaken = writeBoth(this.#socket, first, second, this.#onTaken);
    if (!isTaken) {
      this.#isCongested = true;
      this.#lent.push(second);
    }
    return isTaken;
  }

  wake(): void {
    this.#turn.wake(this.#writer);
  }

  // FrameHandler.

  onFrame(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case FrameType.Begun:
        return this.#streams.begunUpTo(stream);
      case FrameType.Claim:
        return this.#claimed(stream);
      case FrameType.Load:
        if (end - start !== 8) return false;
        this.#pulse.turned(readUint32(bytes, start + 4) / 1000);
        return true;
      case FrameType.Pong:
        if (end - start !== 8) return false;
        this.#pulse.answered(
          (flags & FrameFlag.Beat) !== 0,
          readUint32(bytes, start + 4) / 1000,
          readUint32(bytes, start) / 1000,
        );
        return true;
      case FrameType.Close:
        // It is told, in turn, when the client's connection has closed, and forgets it then.
        if (this.#knownConnections.has(stream)) {
          this.#events.onConnectionClosed(stream, (flags & FrameFlag.KeepAlive) !== 0);
        }
        return true;
      case FrameType.Probes:
        if (end - start !== 8) return false;
        if (this.#knownConnections.has(stream)) {
          this.#events.onProbes(stream, readUint32(bytes, start) === 1, readUint32(bytes, start + 4));
        }
        return true;
      case FrameType.Metrics:
        this.#metricsPiece(flags, stream, bytes.subarray(start, end));
        return true;
      case FrameType.Hello:
      case FrameType.Listen:
      case FrameType.Unlisten:
        return this.#events.onControl(type, stream, bytes.utf8Slice(start, end));
    }
    const exchange = this.#streams.get(stream);
    // Frames of streams that we ended may still be under way; those of streams never opened break the protocol.
    if (exchange === null) return this.#streams.hasOpened(stream);
    switch (type) {
      case FrameType.Head:
        exchange.onHead(bytes, start, end, (flags & FrameFlag.End) !== 0);
        return true;
      case FrameType.End:
        exchange.onEnd(bytes.latin1Slice(start, end));
        return true;
      case FrameType.Interim:
        exchange.onInterim(bytes, start, end);
        return true;
      case FrameType.Abort:
        exchange.onAborted((flags & FrameFlag.Reset) !== 0);
        return true;
      case FrameType.Window:
        if (end - start !== 4) return false;
        exchange.onWindow(readUint32(bytes, start));
        return true;
      case FrameType.Tunnel:
        exchange.onTunnel();
        return true;
      case FrameType.Plain:
        exchange.onPlain();
        return true;
      default:
        return false;
    }
  }

  onData(flags: number, stream: number, bytes: Buffer, start: number, end: number, isLast: boolean): boolean {
    const exchange = this.#streams.get(stream);
    if (exchange === null) return this.#streams.hasOpened(stream);
    exchange.onBody(bytes, start, end);
    if (isLast && (flags & FrameFlag.End) !== 0 && !exchange.isFinished) exchange.onEnd('');
    return true;
  }

  /** Answers that are late, or too large, are dropped. */
  #metricsPiece(flags: number, question: number, piece: Buffer): void {
    const pieces = this.#metrics.get(question);
    if (pieces === undefined) return;
    pieces.push(Buffer.from(piece));
    if ((flags & FrameFlag.End) !== 0) {
      this.#metrics.delete(question);
      this.#events.onMetrics(question, Buffer.concat(pieces).toString());
    } else if (pieces.length >= MAX_METRICS_PIECES) {
      this.#metrics.delete(question);
    }
  }

  /** The worker has found a request revoked. If it is still here, it is the worker's. */
  #claimed(stream: number): boolean {
    if (!this.#streams.hasOpened(stream)) return false;
    const exchange = this.#streams.get(stream);
    // It was ended here, of which the worker has been told.
    if (exchange === null) return true;
    exchange.onBegun();
    this.#writer.text(FrameType.Grant, FrameFlag.None, stream, '');
    this.#turn.messageComplete();
    return true;
  }

  #ping(): void {
    this.#writer.text(FrameType.Ping, FrameFlag.None, 0, '');
  }

  readonly #onRead = (length: number): boolean => {
    this.endpoint.heard(this.#clock.tick());
    const holds = this.#reader.read(this.#readBuffer, 0, length);
    this.#settle();
    if (!holds && !this.#isClosed) {
      this.#closed(true, 'a frame that the link protocol does not allow');
      this.#destroySocket();
    }
    return true;
  };

  /** The kernel has taken what it did not take at once. */
  readonly #onTaken = (): void => {
    if (unsentBytes(this.#socket) > 0) return;
    this.#isCongested = false;
    for (const memory of this.#lent) giveReadMemory(memory);
    this.#lent.length = 0;
    for (const exchange of this.#awaitingRoom) {
      if (this.#isCongested) break;
      this.#awaitingRoom.delete(exchange);
      exchange.onRoom();
    }
  };

  /** Lets clients write out what this turn brought; memory that one of them still refers to is not read into again. */
  #settle(): void {
    let isLent = false;
    for (let i = 0; i < this.#touched.length; i++) if (this.#touched[i]!.settle()) isLent = true;
    this.#touched.length = 0;
    if (isLent) this.#readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /**
   * A worker that dies leaves what it wrote last in our receive queue, among it which requests it has begun. A write
   * that fails because it is dead must not throw that away: Node would destroy the socket at once, and a POST that was
   * begun would count as never begun.
   */
  #keepReadingAfterWriteErrors(): void {
    const socket = this.#socket;
    const destroy = socket.destroy;
    socket.destroy = (error?: Error) => {
      const isWriteError = (error as NodeJS.ErrnoException | undefined)?.syscall === 'write';
      if (isWriteError && !this.#isClosed && !socket.readableEnded) {
        this.#isBroken = true;
        setTimeout(() => destroy.call(socket, error), LAST_READ_MS).unref();
        return socket;
      }
      return destroy.call(socket, error);
    };
  }

  #destroySocket(): void {
    this.#isBroken = true;
    this.#socket.destroy();
  }

  #closed(isProtocolError: boolean, detail: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isBroken = true;
    this.#meter.unlinked();
    this.#streams.close();
    this.endpoint.leaveAll();
    this.#events.onClosed(isProtocolError, detail);
    this.#pulse.close();
  }
}

/** 32 bits. */
function sentAtOf(exchange: Exchange): number {
  return Math.floor(toMonotonicMs(exchange.sentAtMs)) >>> 0;
}

function flagOf(end: ConnectionEnd): number {
  return end === 'reset' ? FrameFlag.Reset : end === 'ended' ? FrameFlag.End : FrameFlag.None;
}
