import net from 'node:net';
import { unsentBytes, writeBoth, writeBytes } from '../core/direct-write.ts';
import { setImmediate } from '../core/timers.ts';
import type { FlushTurn } from '../link/flush-turn.ts';
import { type FrameHandler, FrameReader } from '../link/frame-reader.ts';
import { COPY_LIMIT_BYTES, type FrameSink, FrameWriter } from '../link/frame-writer.ts';

/** As it was before packages put their own in its place, which watch, or allow, the connections that the app makes. */
const { connect } = net.Socket.prototype;

const READ_BYTES = 128 * 1024;

/**
 * Requests are begun in one turn of the event loop until so much of it is gone; what else waits there has its turn then,
 * and the balancer is told, so that it can pass this worker over.
 */
const TURN_MS = 5;

/** While the kernel takes nothing, small pieces of bodies join the batch until so much waits. */
const MAX_UNSENT_BYTES = 512 * 1024;

export interface WireEvents {
  onConnected(): void;
  onClosed(): void;
  /** What a read brought kept the event loop for longer than it is to. */
  onLongTurn(tookMs: number): void;
}

/** @param error the socket has closed before */
type FlushCallback = (error?: Error | null) => void;

/** The socket of a link at the worker's end: read by turns of the event loop, written in batches. */
export class LinkWire implements FrameSink {
  readonly writer: FrameWriter = new FrameWriter(this);
  readonly #turn: FlushTurn;
  readonly #events: WireEvents;
  readonly #reader: FrameReader;
  readonly #socket: net.Socket;
  readonly #readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  /** Bytes that were given to the socket, whether the kernel has taken them or not. */
  #sentBytes = 0;
  /** Callbacks of {@link afterFlush} that are still to come, each with what the kernel is to have taken by then of all sent. */
  readonly #awaitingFlush: { readonly bytes: number; readonly callback: FlushCallback }[] = [];
  /** Who waits for the kernel to take what was written. */
  #awaitingDrain: (() => void)[] = [];
  /** The first thing to do when reading goes on after {@link hold}, and the bytes that came after it. */
  #held: (() => void) | null = null;
  #rest: Buffer | null = null;
  #nowMs = 0;
  #turnEndsAtMs = 0;
  #isCongested = false;
  #isBarred = false;

  constructor(path: string, turn: FlushTurn, handler: FrameHandler, events: WireEvents) {
    this.#turn = turn;
    this.#events = events;
    this.#reader = new FrameReader(handler);
    const options = { onread: { buffer: this.#readBuffer, callback: this.#onRead } };
    this.#socket = new net.Socket(options as net.SocketConstructorOpts);
    connect.call(this.#socket, path);
    this.#socket.on('connect', () => events.onConnected());
    this.#socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      this.#isBarred = code === 'EACCES' || code === 'EPERM';
    });
    this.#socket.on('close', () => {
      this.#callBackFlushed(Number.POSITIVE_INFINITY, lostError());
      events.onClosed();
    });
  }

  get isConnected(): boolean {
    return !this.#socket.connecting && !this.#socket.destroyed;
  }

  /** This process may not open the link: it has given up the rights that it was born with. */
  get isBarred(): boolean {
    return this.#isBarred;
  }

  onceConnected(listener: () => void): void {
    this.#socket.once('connect', listener);
  }

  /** Whether it keeps the process alive. */
  setRef(isWanted: boolean): void {
    if (isWanted) this.#socket.ref();
    else this.#socket.unref();
  }

  // Writing.

  /** The kernel has not taken all that was written. */
  get isCongested(): boolean {
    return this.#isCongested;
  }

  /** The kernel has all that was written but for the batch. */
  get isFlushed(): boolean {
    return !this.#isCongested;
  }

  /** Whether so many bytes may join the batch, which is copied: while the kernel takes nothing, a bounded amount may. */
  hasRoomFor(bytes: number): boolean {
    return !this.#isCongested || (bytes < COPY_LIMIT_BYTES && unsentBytes(this.#socket) < MAX_UNSENT_BYTES);
  }

  /** Calls back as a socket does for a write that the kernel took at once: later in this turn, in the writer's context. */
  afterTurn(callback: () => void): void {
    process.nextTick(callback);
  }

  /** The same when the kernel has taken all that was written so far, in the order in which it was asked to. */
  afterFlush(callback: FlushCallback): void {
    if (this.isFlushed || this.#socket.closed) this.afterTurn(callback);
    else this.#awaitingFlush.push({ bytes: this.#sentBytes, callback });
  }

  onDrain(callback: () => void): void {
    this.#awaitingDrain.push(callback);
  }

  send(bytes: Buffer): boolean {
    this.#sentBytes += bytes.length;
    const isTaken = writeBytes(this.#socket, bytes, this.#onTaken);
    if (!isTaken) this.#isCongested = true;
    return isTaken;
  }

  sendBoth(first: Buffer, second: Buffer): boolean {
    this.#sentBytes += first.length + second.length;
    const isTaken = writeBoth(this.#socket, first, second, this.#onTaken);
    if (!isTaken) this.#isCongested = true;
    return isTaken;
  }

  wake(): void {
    this.#turn.wake(this.writer);
  }

  /** The kernel took a write that it had not taken at once. */
  readonly #onTaken = (): void => {
    const unsent = unsentBytes(this.#socket);
    this.#callBackFlushed(this.#sentBytes - unsent, null);
    if (unsent > 0) return;
    this.#isCongested = false;
    const callbacks = this.#awaitingDrain;
    this.#awaitingDrain = [];
    for (const callback of callbacks) callback();
  };

  #callBackFlushed(takenBytes: number, error: Error | null): void {
    const waiting = this.#awaitingFlush;
    while (waiting.length > 0 && waiting[0]!.bytes <= takenBytes) process.nextTick(waiting.shift()!.callback, error);
  }

  // Reading.

  /** As of the last request, or the beginning of the read. Monotonic ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** A request has been begun: lets the event loop turn when requests have had their share of it. */
  giveWay(): void {
    this.#nowMs = performance.now();
    if (this.#nowMs < this.#turnEndsAtMs || this.#reader.isPaused) return;
    this.#stopReading();
    setImmediate(this.#goOn);
  }

  /** Does nothing more of what has come in until the kernel has all that was written, and then this first. */
  hold(act: () => void): void {
    this.#held = act;
    this.#stopReading();
    this.afterFlush(this.#goOn);
  }

  /** The bytes that were read and not handed over become {@link #rest}. */
  #stopReading(): void {
    this.#reader.pause();
    this.#socket.pause();
  }

  readonly #goOn = (): void => {
    if (this.#socket.destroyed) return;
    const act = this.#held;
    if (act !== null) {
      this.#held = null;
      // It may throw what the app's code throws, and the rest must not suffer for it.
      process.nextTick(this.#goOn);
      act();
      return;
    }
    const rest = this.#rest;
    this.#rest = null;
    this.#reader.resume();
    if (rest !== null) this.#read(rest, 0, rest.length);
    if (!this.#reader.isPaused) this.#socket.resume();
  };

  readonly #onRead = (length: number): boolean => {
    this.#read(this.#readBuffer, 0, length);
    return true;
  };

  #read(bytes: Buffer, from: number, to: number): void {
    const startedAt = performance.now();
    this.#nowMs = startedAt;
    this.#turnEndsAtMs = startedAt + TURN_MS;
    let hasReturned = false;
    try {
      if (!this.#reader.read(bytes, from, to)) this.#socket.destroy();
      hasReturned = true;
    } finally {
      // A handler of the app threw. As with Node's own parser that is an uncaught exception, and the app may survive
      // it; the other requests of this batch must not suffer for it.
      if (!hasReturned) {
        // If this is its end, what the handlers before have answered has to go out.
        this.writer.flush();
        this.#stopReading();
        process.nextTick(this.#goOn);
      }
      if (this.#reader.isPaused) this.#rest = Buffer.from(bytes.subarray(this.#reader.position, to));
    }
    const tookMs = performance.now() - startedAt;
    if (tookMs >= TURN_MS) this.#events.onLongTurn(tookMs);
  }
}

/** What Node tells whose bytes wait when their socket closes. */
function lostError(): Error {
  return Object.assign(new Error('Cannot call write after a stream was destroyed'), { code: 'ERR_STREAM_DESTROYED' });
}
