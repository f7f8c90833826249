import type http from 'node:http';
import type net from 'node:net';

/**
 * The insides of Node's HTTP server that a worker drives. Node's own server code makes the requests and responses, calls
 * the handlers, and keeps all its promises to the app; only its parser is not fed with bytes, but called with what the
 * balancer has parsed. All of it is the same in Node 20, 22, 24 and 26.
 */
export interface HttpParser {
  incoming: IncomingMessage | null;
  /** Trailer fields go here before the message is completed. */
  _headers: string[];
  /** Takes the parser off the list of connections that Node checks for time-outs: the balancer does that. */
  remove(): void;
  /** What it makes of the end of the connection: nothing, or an error where that is in the middle of a message. */
  finish?(): Error | undefined;
  readonly constructor: HttpParserClass;
}

/** Where the parser keeps its callbacks: under small integers. */
export interface HttpParserClass {
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
  readonly kOnExecute: number;
}

export interface IncomingMessage extends http.IncomingMessage {
  upgrade: boolean | null;
  /** The app has had it read; else it is drained when its response is out. */
  _consuming: boolean;
  readonly _readableState: { readonly resumeScheduled: boolean; readonly readableListening: boolean };
}

export interface ServerResponse extends http.ServerResponse {
  _header: string | null;
  _headerSent: boolean;
  /** What was written before the response had a socket; still here while it is being written to that. */
  readonly outputData: readonly unknown[];
  /** The connection ends with this response. */
  _last: boolean;
  _finish(): void;
}

export type OnHeadersComplete = (
  versionMajor: number,
  versionMinor: number,
  headers: string[],
  method: number,
  url: string,
  statusCode: undefined,
  statusMessage: undefined,
  upgrade: boolean,
  shouldKeepAlive: boolean,
) => number;

/** What `net.Server` has beside its public face. */
export interface CapturableServer extends net.Server {
  _handle: object | null;
  _connectionKey: string;
  _connections: number;
  _unref?: boolean;
  readonly highWaterMark?: number;
  /** The option of that name; and its delay, in seconds. */
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

/** `net.Server.prototype._listen2`: where every form of listen() ends up, its host resolved. */
export type Listen2 = (
  this: CapturableServer,
  address: string | null,
  port: number,
  addressType: number,
  backlog: number | false | undefined,
  fd: number | undefined,
  flags: number | undefined,
) => void;
