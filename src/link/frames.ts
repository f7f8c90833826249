/**
 * The link protocol: how a balancer thread and a worker talk over one Unix socket.
 *
 * It carries messages, not bytes of HTTP framing: a head, pieces of a body, an end. A frame is
 *
 *     length  u32 LE   bytes of the payload
 *     stream  u32 LE   what it belongs to: a stream (one request), a client connection, or 0
 *     type    u8
 *     flags   u8
 *     payload
 *
 * Numbers are little-endian because every machine we run on is. Both ends check every frame; whoever breaks the
 * protocol is disconnected.
 */

import type { ListenAnswer } from '../core/listen-answer.ts';

/** Raised whenever a frame changes; HELLO carries it and a mismatch ends the link. */
export const LINK_VERSION = 8;

export const FRAME_HEADER_BYTES = 10;

/**
 * A payload that has to be held whole is never longer. Heads are: Node sends heads of any size, though few clients take
 * more than 64 KiB. Data is passed piecemeal.
 */
export const MAX_PAYLOAD_BYTES: number = 1024 * 1024;

/**
 * Largest DATA payload a sender makes, so that one stream cannot hold the others up for long: copying it takes some 20 µs.
 * Twice 64 KiB make uploads 5 % cheaper.
 */
export const MAX_DATA_BYTES: number = 128 * 1024;

/**
 * Bytes of a request's body that may be under way before the worker has granted more. It bounds what a slow app makes the
 * worker hold, and is large enough that a fast one never waits.
 */
export const REQUEST_WINDOW_BYTES: number = 256 * 1024;

/**
 * A worker grants again once its app has taken this much. A WINDOW frame is a system call at both ends: 32 KiB of
 * 128 made uploads 8 % dearer. What remains of the window holds the largest piece that is sent.
 */
export const REQUEST_GRANT_BYTES: number = REQUEST_WINDOW_BYTES / 2;

/** Likewise for a response: it bounds what a slow client makes the balancer hold. */
export const RESPONSE_WINDOW_BYTES: number = 128 * 1024;

/** A balancer grants again once its client's kernel has taken this much. */
export const RESPONSE_GRANT_BYTES: number = RESPONSE_WINDOW_BYTES / 4;

export const FrameType = {
  // Both ways. `stream` is a stream.
  /** A piece of a body. */
  Data: 1,
  /** The message is complete. Payload: its trailer lines, latin1. */
  End: 2,
  /** The stream is over before its time. */
  Abort: 3,
  /** Payload: u32, bytes more that may be sent. */
  Window: 4,
  /**
   * `stream` is a connection: it has closed. From a worker: close it once its response is out; with the flag KeepAlive only
   * if no other worker serves it.
   */
  Close: 5,

  // Balancer to worker.
  /** A request. Payload: {@link OPEN_FIXED_BYTES} of fixed fields, then the head's lines without the last empty one. */
  Open: 16,
  /** `stream` is a connection that the worker has not met: JSON of {@link Peer}. */
  Peer: 17,
  /** Answer it with Pong. With the flag Beat it is one of those that come regularly. */
  Ping: 18,
  /** Answer to Listen; `stream` echoes it. JSON of {@link Listening}. */
  Listening: 19,
  /** A request that was refused while an app listens for 'clientError'. `stream` is a stream; JSON of {@link Refusal}. */
  Refused: 20,
  /** A client's connection, whole, for a server that is not HTTP's: answered with Tunnel or Abort. Payload: u32 connection, u32 when it was sent. */
  Connect: 21,
  /** The answer to Claim: the request is the worker's to run. */
  Grant: 22,
  /** Answer it with Metrics; `stream` is echoed. */
  AskMetrics: 23,
  /** The worker is to go. Payload: u32 ms there are, u32 status by which its WebSockets are to be closed (RFC 6455 section 7.4). */
  Drain: 24,

  // Worker to balancer.
  /** First frame of a link. JSON of {@link Hello}. */
  Hello: 32,
  /** The app listens. `stream` numbers the listener. JSON of {@link ListenRequest}. */
  Listen: 33,
  /** The app closed that listener. */
  Unlisten: 34,
  /** A response head, and with it as much of the body as was there. Payload: bytes as Node wrote them. */
  Head: 35,
  /** A 1xx head. */
  Interim: 36,
  /** From the event loop itself, with the flag Beat if its Ping had it. u32 thousandths of late in which the loop was busy, u32 its longest delay of late in µs. */
  Pong: 37,
  /** Requests up to this stream have been begun. Written before a handler that must not run twice is called. */
  Begun: 38,
  /** The app took the stream over (upgrade, CONNECT, a whole connection): bytes from now on, both ways. */
  Tunnel: 39,
  /** The app declined an upgrade; the stream is an ordinary request. */
  Plain: 40,
  /** Payload: u32 streams open in the worker, u32 microseconds that requests kept its event loop, which turns now. */
  Load: 41,
  /** `stream` is a connection. Payload: u32 1 = keep-alive probes on, 0 = off; u32 seconds of silence before the first. */
  Probes: 42,
  /** May it still run this request, which the balancer has perhaps taken back? The answer is Grant or Abort. */
  Claim: 43,
  /** A piece of the app's own metrics: JSON as of prom-client, empty where there are none. End: the last one. */
  Metrics: 44,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export const FrameFlag = {
  None: 0,
  /**
   * The message ends with this frame. On Abort: the client's connection was closed in the middle of the request. On Close:
   * the client has ended it.
   */
  End: 1,
  /** On Open: the client wants an upgrade or CONNECT; the worker answers Tunnel or Plain before any body is sent. */
  Upgrade: 2,
  /** On Open: the connection may be kept after it. On Close: the app has dropped it while it was idle. */
  KeepAlive: 4,
  /** On Open: the request has run before; the worker tells Begun whatever its method. */
  Retried: 8,
  /** On Abort and Close: the client's connection was, or is to be, reset rather than closed. */
  Reset: 16,
  /** On Ping, and on the Pong that answers it. */
  Beat: 32,
} as const;

/**
 * Before the lines of an Open: connection u32, method u8, minor version u8, target offset u16, target length u32, when it
 * was sent u32 ({@link isFresh} in `ledger.ts`).
 */
export const OPEN_FIXED_BYTES = 16;

export interface Hello {
  readonly version: number;
  readonly worker: number;
  readonly pid: number;
  readonly token: string;
}

/** A client's end of a connection, as `socket.address()` and its kin tell it. */
export interface Peer {
  readonly listener: number;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: string | undefined;
}

/** What `server.listen` was asked for, and what the app's server allows. */
export interface ListenRequest {
  /** null = the unspecified address. */
  readonly host: string | null;
  /** 0 = any; -1 with a path. */
  readonly port: number;
  /** Unix socket; absolute, or one of Linux's abstract names, which begin with a NUL. */
  readonly path: string | null;
  /** Of a Unix socket: 1 = everybody may read, 2 = everybody may write, 3 = both. */
  readonly pathMode: number;
  readonly ipv6Only: boolean;
  readonly backlog: number;
  readonly protocol: 'http' | 'tcp';
  /** The balancer's number of a listener that has been opened ahead of this (`evener/loopback`); null = none has. */
  readonly opened: number | null;
  readonly server: ServerLimits;
}

/** Node's `ticketKeys`: a name, a key for HMAC and one for AES, of 16 bytes each. */
export const TICKET_KEYS_BYTES = 48;

/** What became of a listener. */
export type Listening = ListenAnswer & {
  /** The balancer's number of it; -1 where it gets no connections. */
  readonly listener: number;
  /** Base64 of what workers seal TLS session tickets with there. null where no connections are carried whole. */
  readonly ticketKeys: string | null;
};

/** Settings of the app's own `http.Server`, which the balancer enforces in its place. ms; 0 = off. */
export interface ServerLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Longest silence within a body, where nothing bounds the whole request. Node's server has no such setting. */
  readonly bodyTimeoutMs?: number;
  readonly keepAliveTimeoutMs: number;
  /** How much longer than announced the connection is really kept. */
  readonly keepAliveBufferMs: number;
  /** `server.timeout`: longest silence on a connection. */
  readonly idleTimeoutMs: number;
  readonly maxHeadBytes: number;
  /** Field lines of a head, more of which this Node refuses; 0 = any number. */
  readonly maxFields: number;
  /** Connections at the same time, for each worker; null = any number. */
  readonly maxConnections: number | null;
  readonly requireHost: boolean;
  /** The app answers malformed requests itself. */
  readonly handlesClientError: boolean;
}

/** Why a request was refused, in the words of the errors that Node's server emits as 'clientError'. */
export interface Refusal {
  readonly connection: number;
  /** `HPE_...` or `ERR_HTTP_REQUEST_TIMEOUT`. */
  readonly code: string;
  readonly reason: string;
}
