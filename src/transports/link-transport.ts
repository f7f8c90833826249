import net from 'node:net';
import { type Clock, toMonotonicMs } from '../core/clock.ts';
import { unsentBytes, writeBoth, writeBytes } from '../core/direct-write.ts';
import { giveReadMemory } from '../core/read-memory.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ExchangeClient, Transport } from '../exchange/transport.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { type FrameHandler, FrameReader, readUint32 } from '../link/frame-reader.ts';
import { type FrameSink, FrameWriter } from '../link/frame-writer.ts';
import { FrameFlag, FrameType } from '../link/frames.ts';
import { BEAT_MS, MISSED_BEATS, REVOKED_AFTER_MS, STREAMS_PER_NOTE } from '../link/ledger.ts';
import { isBefore, StreamTable } from '../link/stream-table.ts';
import { WorkerMeter } from '../observability/worker-meter.ts';
import { Endpoint } from '../pool/endpoint.ts';
import type { StreamLedger } from './stream-ledger.ts';

const READ_BYTES = 128 * 1024;

/** A worker whose event loop was held up for this long makes requests wait; it is passed over while others are free. */
const VETO_LOOP_DELAY_MS = 100;
/** How often a request may leave a worker that is perhaps only slow: where all are, it would go round. */
const EARLY_MOVES = 2;

/** After a failed write, what the worker had written before it died is still read; so long. */
const LAST_READ_MS = 1_000;

/** An app's metrics are taken up to so many pieces, of at most 1 MiB each. */
const MAX_METRICS_PIECES = 32;
/** Answers that a worker may owe; older ones are not waited for. */
const MAX_METRICS_QUESTIONS = 4;

/** What the owner of a link hears. */
export interface LinkEvents {
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
  /** @param isTurning its event loop turns all the same: requests stand in line there */
  onStalled(silentMs: number, isTurning: boolean): void;
  onRecovered(silentMs: number): void;
  /** It is stalled, and goes on with what it has: its event loop turns. Once a beat at most. */
  onTurning(): void;
  /** `detail` says what was wrong where `isProtocolError`. The exchanges have not been told yet: call {@link LinkTransport.abandon}. */
  onClosed(isProtocolError: boolean, detail: string): void;
}

/** The balancer's end of one worker's link. */
export class LinkTransport implements Transport, FrameHandler, FrameSink {
  readonly endpoint: Endpoint<Transport>;
  loopDelayMs = 0;
  /** Share of late in which its event loop was busy, 0-1, as of its last answer. */
  loopUtilization = 0;
  #meter = new WorkerMeter();
  /** Answers under way, by question. */
  readonly #metrics = new Map<number, Buffer[]>();

  readonly #socket: net.Socket;
  readonly #events: LinkEvents;
  readonly #turn: FlushTurn;
  readonly #clock: Clock;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  /** Streams the worker has not finished. */
  readonly #exchanges = new StreamTable<Exchange>();
  /** Client connections the worker has been told of. */
  readonly #knownConnections = new Set<number>();
  /** Clients that wrote views of the read buffer in this turn. */
  readonly #touched: ExchangeClient[] = [];
  #readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #nextStream = 1;
  #isBroken = false;
  #isClosed = false;
  /** The kernel has not taken all that was written. */
  #isCongested = false;
  /** Memory that it takes from. */
  readonly #lent: Buffer[] = [];
  /** Whose bodies wait for that, in the order in which they came. */
  readonly #awaitingRoom = new Set<Exchange>();
  #beatSentAtMs = 0;
  #missedBeats = 0;
  /** It has told that its event loop turns, since the last beat. */
  #hasTurned = false;
  /** Who wants to know whether its event loop turns. */
  #askers: (() => void)[] = [];
  #ledger: StreamLedger | null = null;
  /** Sees to what is in flight while the worker is silent; null until something first was. */
  #watch: NodeJS.Timeout | null = null;
  #isWatching = false;
  /** The file's number, which must not become less: what was taken back before may still lie unread in the worker's socket. */
  #revokedUpTo = 0;

  constructor(handle: object, id: number, turn: FlushTurn, clock: Clock, events: LinkEvents) {
    this.endpoint = new Endpoint<Transport>(id, this, () => this.#ping());
    this.#clock = clock;
    this.#events = events;
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
    // A thread that died may have left its last number.
    meter.unlinked();
    if (meter.isShared) this.endpoint.shareLoad(meter);
  }

  // Transport.

  open(exchange: Exchange): void {
    this.#meter.opened(this.endpoint.inFlight);
    const stream = this.#newStream();
    exchange.stream = stream;
    this.#exchanges.add(exchange);
    if (!this.#isWatching) this.#watchSilence();
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

  abort(exchange: Exchange, isReset: boolean): void {
    this.#awaitingRoom.delete(exchange);
    if (this.#exchanges.delete(exchange)) {
      this.#writer.text(FrameType.Abort, isReset ? FrameFlag.Reset : FrameFlag.None, exchange.stream, '');
    }
  }

  finished(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    if (this.#awaitingRoom.size > 0) this.#awaitingRoom.delete(exchange);
    this.#meter.finished(this.endpoint.inFlight);
    if (!this.endpoint.isEnabled && this.endpoint.inFlight === 0) this.#events.onIdle();
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
  connectionClosed(connectionId: number): void {
    if (this.#knownConnections.delete(connectionId)) {
      this.#writer.text(FrameType.Close, FrameFlag.None, connectionId, '');
    }
  }

  /** A control frame with a JSON payload. */
  control(type: number, stream: number, payload: object): void {
    this.#writer.utf8(type, FrameFlag.None, stream, JSON.stringify(payload));
  }

  /** To be called once a beat; at `nowMs` (monotonic). */
  beat(nowMs: number): void {
    if (this.endpoint.inFlight === 0 || this.loopDelayMs > VETO_LOOP_DELAY_MS) this.#setLoopDelay(0);
    if (this.#beatSentAtMs === 0) {
      this.#beatSentAtMs = nowMs;
      this.#hasTurned = false;
      this.#meter.setAskedAt(nowMs);
      this.#writer.text(FrameType.Ping, FrameFlag.Beat, 0, '');
      this.#learnBegun();
      return;
    }
    this.#missedBeats++;
    if (this.#missedBeats === MISSED_BEATS) {
      this.endpoint.setStalled(true);
      this.#meter.setStalled(true);
      this.#events.onStalled(nowMs - this.#beatSentAtMs, this.#hasTurned);
    }
    if (this.#missedBeats < MISSED_BEATS) return;
    if (this.#hasTurned) this.#events.onTurning();
    this.#hasTurned = false;
    this.#hedge(nowMs);
  }

  /** The file that says what the worker has begun, and by which requests are taken back from it. */
  setLedger(ledger: StreamLedger | null): void {
    this.#ledger = ledger;
  }

  /** Streams that it has not finished, each with what is known of its beginning. A copy. */
  inFlight(): Exchange[] {
    this.#learnBegun();
    return this.#exchanges.values();
  }

  /** Asks whether its event loop turns. @param done hears how long the answer took; null when there was none in time */
  probe(limitMs: number, done: (tookMs: number | null) => void): void {
    const askedAtMs = performance.now();
    const timer = setTimeout(() => {
      this.#askers = this.#askers.filter((asker) => asker !== answer);
      done(null);
    }, limitMs);
    const answer = (): void => {
      clearTimeout(timer);
      done(performance.now() - askedAtMs);
    };
    this.#askers.push(answer);
    this.#ping();
  }

  /** Takes away what is in flight, to be run elsewhere or answered. */
  takeInFlight(): Exchange[] {
    this.#awaitingRoom.clear();
    return this.#exchanges.clear();
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
        return this.#begun(stream);
      case FrameType.Claim:
        return this.#claimed(stream);
      case FrameType.Load:
        if (end - start !== 8) return false;
        this.#setLoopDelay(readUint32(bytes, start + 4) / 1000);
        this.#hasTurned = true;
        return true;
      case FrameType.Pong:
        if (end - start !== 8) return false;
        this.loopUtilization = readUint32(bytes, start) / 1000;
        this.#meter.setLoop(readUint32(bytes, start + 4) / 1000, this.loopUtilization);
        this.#answered((flags & FrameFlag.Beat) !== 0);
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
    const exchange = this.#exchanges.get(stream);
    // Frames of streams that we ended may still be under way; those of streams never opened break the protocol.
    if (exchange === null) return isBefore(stream, this.#nextStream);
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
    const exchange = this.#exchanges.get(stream);
    if (exchange === null) return isBefore(stream, this.#nextStream);
    exchange.onBody(bytes, start, end);
    if (isLast && (flags & FrameFlag.End) !== 0 && !exchange.isFinished) exchange.onEnd('');
    return true;
  }

  /** Numbers go round after 2^32; one that a tunnel has kept all the while is passed over. */
  #newStream(): number {
    let stream = this.#nextStream;
    while (stream === 0 || this.#exchanges.get(stream) !== null) stream = (stream + 1) >>> 0;
    this.#nextStream = (stream + 1) >>> 0;
    // Kept from becoming so old that it seems to be of streams to come.
    if ((stream & STREAMS_PER_NOTE) === 0) this.#revokedUpTo = (stream - 1) >>> 0;
    return stream;
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

  #begun(upTo: number): boolean {
    if (!isBefore(upTo, this.#nextStream)) return false;
    this.#exchanges.forEach((exchange) => {
      if (!isBefore(upTo, exchange.stream)) exchange.onBegun();
    });
    return true;
  }

  #setLoopDelay(delayMs: number): void {
    this.loopDelayMs = delayMs;
    this.endpoint.setVetoed(delayMs > VETO_LOOP_DELAY_MS);
  }

  /** @param isBeat the answer to a beat: it has read all that was sent before that */
  #answered(isBeat: boolean): void {
    const askers = this.#askers;
    if (askers.length > 0) {
      this.#askers = [];
      for (const asker of askers) asker();
    }
    if (!isBeat) return;
    const silentMs = this.#clock.nowMs - this.#beatSentAtMs;
    this.#beatSentAtMs = 0;
    this.#missedBeats = 0;
    this.#meter.setAskedAt(0);
    if (!this.endpoint.isStalled) return;
    this.endpoint.setStalled(false);
    this.#meter.setStalled(false);
    this.#events.onRecovered(silentMs);
  }

  /** Safe requests that have waited for long are run elsewhere as well. */
  #hedge(nowMs: number): void {
    for (const exchange of this.#exchanges.values()) {
      const { hedgeMs } = exchange.dispatcher;
      if (hedgeMs === 0 || nowMs - exchange.startedAtMs < hedgeMs) continue;
      if (exchange.isHedgeable && exchange.hasAlternative) exchange.hedge(nowMs);
    }
  }

  /** Something is in flight: until nothing is, it is looked now and then whether the worker is silent. */
  #watchSilence(): void {
    if (this.#ledger === null) return;
    this.#isWatching = true;
    if (this.#watch !== null) this.#watch.refresh();
    else this.#watch = setTimeout(this.#onWatch, REVOKED_AFTER_MS).unref();
  }

  readonly #onWatch = (): void => {
    this.#isWatching = false;
    if (this.#exchanges.size === 0) return;
    this.#watchSilence();
    // Where this thread itself was held up, what the worker has said meanwhile is still to be read.
    if (this.#isSilent) setImmediate(() => this.#takeBack());
  };

  get #isSilent(): boolean {
    return this.endpoint.quietMs(this.#clock.tick()) >= REVOKED_AFTER_MS;
  }

  /**
   * Takes back what a silent worker has not begun: something else keeps its event loop. If it goes on it asks for each of
   * them, and until it is heard of it is not picked.
   */
  #takeBack(): void {
    const ledger = this.#ledger;
    if (ledger === null || !this.#isSilent || this.#hasBegunAll(ledger)) return;
    const { nowMs } = this.#clock;
    this.#learnBegun();
    const takeable = this.#takeable(nowMs);
    const last = takeable.at(-1);
    if (last === undefined) return;
    if (isBefore(this.#revokedUpTo, last.stream)) this.#revokedUpTo = last.stream;
    if (!ledger.revoke(this.#revokedUpTo)) return;
    // What it has begun until then.
    this.#learnBegun();
    this.endpoint.holdUp();
    this.#ping();
    for (const exchange of takeable) {
      if (exchange.isUnbegun && exchange.hasAlternative) exchange.takeBack(nowMs);
    }
  }

  #hasBegunAll(ledger: StreamLedger): boolean {
    const notes = ledger.read();
    return notes !== null && !isBefore(notes.begun, (this.#nextStream - 1) >>> 0);
  }

  /**
   * What is old enough and not begun, in the order in which it was sent, and as much of it as others have room for. Where
   * none of them is free this worker keeps one, so that it has something to go on with. What it keeps is the last, since
   * for all that was sent before the last that is taken it has to ask.
   */
  #takeable(nowMs: number): Exchange[] {
    const isStuck = this.endpoint.isStalled && this.endpoint.quietMs(nowMs) >= MISSED_BEATS * BEAT_MS;
    const mostMoves = isStuck ? Number.POSITIVE_INFINITY : EARLY_MOVES;
    const unbegun = this.#exchanges
      .values()
      .filter((one) => nowMs - one.sentAtMs >= REVOKED_AFTER_MS && one.moves < mostMoves && one.isUnbegun);
    const first = unbegun[0];
    if (first === undefined) return unbegun;
    // To wait elsewhere is no better than to wait here, before it is certain that this one gets on with nothing.
    if (!first.hasFreeAlternative && !isStuck) return [];
    unbegun.sort((a, b) => (isBefore(a.stream, b.stream) ? -1 : 1));
    const kept = first.hasFreeAlternative ? 0 : 1;
    return unbegun.slice(0, Math.min(first.dispatcher.roomBeside(this.endpoint), unbegun.length - kept));
  }

  /** What the worker has begun, and what it has not. */
  #learnBegun(): void {
    if (this.#ledger === null || this.#exchanges.size === 0) return;
    const notes = this.#ledger.read();
    if (notes === null) {
      this.#begun((this.#nextStream - 1) >>> 0);
      return;
    }
    const { begun, allFrom } = notes;
    this.#exchanges.forEach((exchange) => {
      if (!isBefore(begun, exchange.stream)) exchange.onBegun();
      else exchange.onNotBegun(allFrom !== 0 && !isBefore(exchange.stream, allFrom));
    });
  }

  /** The worker has found a request revoked. If it is still here, it is the worker's. */
  #claimed(stream: number): boolean {
    if (!isBefore(stream, this.#nextStream)) return false;
    const exchange = this.#exchanges.get(stream);
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
    if (this.#watch !== null) clearTimeout(this.#watch);
    this.#learnBegun();
    this.#ledger?.close();
    this.#ledger = null;
    this.endpoint.leaveAll();
    this.#events.onClosed(isProtocolError, detail);
  }
}

/** 32 bits. */
function sentAtOf(exchange: Exchange): number {
  return Math.floor(toMonotonicMs(exchange.sentAtMs)) >>> 0;
}
