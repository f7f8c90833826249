import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { setImmediate } from '../core/timers.ts';
import {
  FrameFlag,
  FrameType,
  MAX_DATA_BYTES,
  type Peer,
  REQUEST_GRANT_BYTES,
  RESPONSE_WINDOW_BYTES,
} from '../link/frames.ts';
import type { LinkClient } from './link-client.ts';
import type { LinkStream } from './link-stream.ts';
import { type JSStreamHandle, nodeNet } from './node-net.ts';
import { resetError } from './reset-error.ts';
import type { WebSocketStream } from './web-socket-drain.ts';

/**
 * A client's connection of a server that is not HTTP's, as the handle of the socket that Node makes of it. Everything
 * above the handle is Node's own: half-open sockets, time-outs, counts of bytes, TLS and HTTP/2.
 */
export class Tunnel implements LinkStream {
  readonly stream: number;
  readonly handle: TunnelHandle;
  isWanted = true;
  readonly #link: LinkClient;
  readonly #connection: number;
  #webSocket: WebSocketStream | null = null;
  /** Bytes that the balancer will take now. */
  #credit = RESPONSE_WINDOW_BYTES;
  #isReading = false;
  /** Received, while nobody reads. */
  #received: Buffer[] = [];
  /** What the handle is being given. */
  #given: Buffer | null = null;
  /** The client has ended its side; it is told when all before it has been read. */
  #hasEnded = false;
  #isEndTold = false;
  #isDeliveryDue = false;
  /** Read, and the balancer has not been given credit for it again. */
  #ungranted = 0;
  /** Writes that are not done, oldest first; Node rarely has more than one. */
  #writes: PendingWrite[] = [];
  #shutdown: object | null = null;
  #isEnding = false;
  #endSent = false;
  #isClosed = false;

  constructor(link: LinkClient, connection: number, stream: number, peer: Peer) {
    this.#link = link;
    this.#connection = connection;
    this.stream = stream;
    this.handle = newHandle(this, peer);
  }

  /** The app, or Node's server for it, has closed it. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** What it carries within the app's own TLS, where that is one. */
  get webSocket(): WebSocketStream | null {
    return this.#webSocket;
  }

  carryWebSocket(webSocket: WebSocketStream): void {
    this.#webSocket = webSocket;
    this.#link.webSocketOpened(webSocket);
  }

  // From the link.

  onBody(bytes: Buffer): void {
    if (this.#isClosed) return;
    if (this.#isReading && this.#received.length === 0) this.#give(bytes);
    else this.#received.push(bytes);
  }

  onRequestEnd(): void {
    this.#hasEnded = true;
    this.#deliver();
    if (this.#endSent) this.#forget();
  }

  onWindow(bytes: number): void {
    this.#credit += bytes;
    this.#send();
  }

  onGone(isReset: boolean): void {
    if (this.#isClosed) return;
    this.#forget();
    this.#credit = 0;
    const socket = this.#socket;
    if (isReset) socket?.destroy(resetError());
    else socket?.destroy();
  }

  // From Node, by the handle.

  readStart(): void {
    this.#isReading = true;
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    // Whoever starts to read is not ready for bytes before the call has returned.
    process.nextTick(() => {
      this.#isDeliveryDue = false;
      this.#deliver();
    });
  }

  readStop(): void {
    this.#isReading = false;
  }

  write(request: object, pieces: Buffer[]): void {
    this.#writes.push({ request, bytes: pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces), isSent: false });
    this.#send();
  }

  shutdown(request: object): void {
    this.#shutdown = request;
    if (this.#writes.length === 0) this.#sendEnd();
  }

  setWanted(isWanted: boolean): void {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    this.#link.wantedChanged(this);
  }

  setProbes(isOn: boolean, afterSeconds: number): void {
    if (this.#isClosed) return;
    this.#link.writer.uint32Pair(FrameType.Probes, FrameFlag.None, this.#connection, isOn ? 1 : 0, afterSeconds);
  }

  close(isReset: boolean, done: (() => void) | undefined): void {
    if (!this.#isClosed && !(this.#hasEnded && this.#endSent)) {
      if (!isReset) this.#sendLast();
      this.#link.writer.text(FrameType.Abort, isReset ? FrameFlag.Reset : FrameFlag.None, this.stream, '');
    }
    this.#forget();
    this.#isClosed = true;
    this.#received = [];
    setImmediate(() => {
      const writes = this.#writes;
      this.#writes = [];
      for (const { request } of writes) this.handle.finishWrite(request, -constants.errno.ECANCELED);
      this.#finishShutdown(-constants.errno.ECANCELED);
      done?.();
    });
  }

  get #socket(): Socket | undefined {
    return (this.handle as unknown as Readonly<Record<symbol, Socket | undefined>>)[nodeNet().owner];
  }

  /**
   * What a kernel's socket has taken still leaves when it is destroyed. So does what has credit here, though others' bytes
   * are before it on the link, and what Node keeps back of a turn's writes until the first of them is over.
   */
  #sendLast(): void {
    const socket = this.#socket as unknown as HoldingSocket | undefined;
    const held = socket === undefined ? [] : socket._writableState.getBuffer();
    const pieces = [
      ...this.#writes.map(({ bytes }) => bytes),
      ...held.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)),
    ];
    for (const piece of pieces) {
      // The app may use its memory again now.
      let rest = this.#credit === 0 ? piece : Buffer.from(piece.subarray(0, this.#credit));
      while (rest.length > 0 && this.#credit > 0) rest = rest.subarray(this.#sendPiece(rest));
    }
  }

  #deliver(): void {
    while (this.#isReading && !this.#isClosed && this.#received.length > 0) this.#give(this.#received.shift()!);
    if (!this.#isReading || this.#isClosed) return;
    if (!this.#hasEnded) {
      this.#grant();
    } else if (!this.#isEndTold) {
      this.#isEndTold = true;
      this.handle.emitEOF();
    }
  }

  /**
   * Node has made a socket of the handle. From Node 26 on it puts small pieces for such a one into memory that they share with
   * those of other connections, and not for a kernel's, where each has memory of its own: it may go to another thread.
   */
  accepted(): void {
    const { handle } = this;
    const { onread } = handle;
    handle.onread = (memory) => {
      const bytes = this.#given;
      if (bytes === null || memory === undefined || memory.byteLength === bytes.length) {
        onread.call(handle, memory);
        return;
      }
      const socket = this.#socket as ReadingSocket | undefined;
      socket?._unrefTimer();
      if (socket === undefined || socket.destroyed || socket.push(bytes)) return;
      handle.reading = false;
      handle.readStop();
    };
  }

  #give(bytes: Buffer): void {
    this.#ungranted += bytes.length;
    this.#given = bytes;
    this.handle.readBuffer(bytes);
    this.#given = null;
    // A reader that has enough has called readStop() in the meantime.
    if (this.#isReading && !this.#isClosed && !this.#hasEnded) this.#grant();
  }

  #grant(): void {
    if (this.#ungranted < REQUEST_GRANT_BYTES) return;
    this.#link.writer.uint32(FrameType.Window, this.stream, this.#ungranted);
    this.#ungranted = 0;
  }

  /** Sends what waits as far as the credit goes. */
  readonly #send = (): void => {
    if (this.#isClosed) return;
    for (const write of this.#writes) {
      while (write.bytes.length > 0) {
        if (this.#credit === 0) return;
        if (this.#link.wire.isCongested) {
          this.#link.wire.onDrain(this.#send);
          return;
        }
        write.bytes = write.bytes.subarray(this.#sendPiece(write.bytes));
      }
      if (write.isSent) continue;
      write.isSent = true;
      this.#link.wire.afterFlush(() => setImmediate(this.#written, write));
    }
  };

  /** As much of it as one frame takes and the credit, of which there is some, allows. @returns how much that was */
  #sendPiece(bytes: Buffer): number {
    const length = Math.min(bytes.length, this.#credit, MAX_DATA_BYTES);
    this.#credit -= length;
    this.#link.writer.bytes(FrameType.Data, FrameFlag.None, this.stream, bytes.subarray(0, length));
    return length;
  }

  readonly #written = (write: PendingWrite): void => {
    const at = this.#writes.indexOf(write);
    if (at === -1) return;
    this.#writes.splice(at, 1);
    this.handle.finishWrite(write.request, 0);
    if (this.#shutdown !== null && this.#writes.length === 0) this.#sendEnd();
  };

  #sendEnd(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isEnding = true;
    // Not before the call that asked for it has returned, and before the client can answer: 'finish' comes before 'end'.
    setImmediate(() => {
      if (this.#isClosed) return;
      this.#endSent = true;
      const { writer, turn } = this.#link;
      if (!writer.markEnd(this.stream)) writer.text(FrameType.End, FrameFlag.None, this.stream, '');
      turn.messageComplete();
      if (this.#hasEnded) this.#forget();
      this.#finishShutdown(0);
    });
  }

  #finishShutdown(status: number): void {
    const request = this.#shutdown;
    this.#shutdown = null;
    if (request !== null) this.handle.finishShutdown(request, status);
  }

  #forget(): void {
    this.#link.forgetStream(this);
  }
}

/** What Node calls of a socket for each piece that it reads. */
interface ReadingSocket extends Socket {
  _unrefTimer(): void;
}

/** What a socket's stream has not handed to its handle. */
interface HoldingSocket {
  readonly _writableState: {
    getBuffer(): readonly { readonly chunk: Buffer | string; readonly encoding: BufferEncoding }[];
  };
}

interface PendingWrite {
  readonly request: object;
  bytes: Buffer;
  isSent: boolean;
}

/** A handle with the methods of a kernel's socket that Node calls if they are there. */
interface TunnelHandle extends JSStreamHandle {
  tunnel: Tunnel;
  peer: Peer;
}

/** What TCP and pipe handles have; `this` is the handle. */
const METHODS = {
  isClosing(this: TunnelHandle): boolean {
    return this.tunnel.isClosed;
  },
  onreadstart(this: TunnelHandle): number {
    this.tunnel.readStart();
    return 0;
  },
  onreadstop(this: TunnelHandle): number {
    this.tunnel.readStop();
    return 0;
  },
  onwrite(this: TunnelHandle, request: object, pieces: Buffer[]): number {
    this.tunnel.write(request, pieces);
    return 0;
  },
  onshutdown(this: TunnelHandle, request: object): number {
    this.tunnel.shutdown(request);
    return 0;
  },
  close(this: TunnelHandle, done?: () => void): void {
    this.tunnel.close(false, done);
  },
  reset(this: TunnelHandle, done?: () => void): number {
    this.tunnel.close(true, done);
    return 0;
  },
  ref(this: TunnelHandle): void {
    this.tunnel.setWanted(true);
  },
  unref(this: TunnelHandle): void {
    this.tunnel.setWanted(false);
  },
  hasRef(this: TunnelHandle): boolean {
    return this.tunnel.isWanted;
  },
  /** The balancer's socket never waits for more to send. */
  setNoDelay(): number {
    return 0;
  },
  setKeepAlive(this: TunnelHandle, isOn: boolean, afterSeconds: number): number {
    this.tunnel.setProbes(isOn, afterSeconds);
    return 0;
  },
};

const ADDRESS_METHODS = {
  getpeername(this: TunnelHandle, out: Record<string, unknown>): number {
    const { remoteAddress, remotePort, remoteFamily } = this.peer;
    Object.assign(out, { address: remoteAddress, family: remoteFamily, port: remotePort });
    return 0;
  },
  getsockname(this: TunnelHandle, out: Record<string, unknown>): number {
    const { localAddress, localPort, localFamily } = this.peer;
    Object.assign(out, { address: localAddress, family: localFamily, port: localPort });
    return 0;
  },
};

/** Whether a socket's handle is that of a client's connection for a server of bytes. */
export function isTunnel(handle: object | null): boolean {
  return handle !== null && (handle as Partial<TunnelHandle>).tunnel instanceof Tunnel;
}

function newHandle(tunnel: Tunnel, peer: Peer): TunnelHandle {
  const handle = new (nodeNet().JSStream)();
  // The ends of a Unix socket have no names.
  const methods = peer.remoteFamily === undefined ? METHODS : { ...METHODS, ...ADDRESS_METHODS };
  return Object.assign(handle, methods, { tunnel, peer }) as unknown as TunnelHandle;
}
