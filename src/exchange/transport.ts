import type { Peer } from '../link/frames.ts';
import type { Exchange } from './exchange.ts';

/**
 * Pieces of a response up to this size are copied by the client that they are handed to; of larger ones it may write
 * views, for which it then answers in {@link ExchangeClient.settle}.
 */
export const COPIED_BYTES: number = 8 * 1024;

/**
 * What carries exchanges to an endpoint. It reports back by the `on...` methods of {@link Exchange}, in the order in
 * which things arrived, and never after {@link abort}.
 */
export interface Transport {
  /** Sends the request's head. The exchange's body follows by itself. */
  open(exchange: Exchange): void;
  /**
   * Sends a piece of the request's body: at most {@link Exchange.credit} bytes.
   *
   * @returns false when the memory is still referred to and must not be reused. Where it was taken by
   * `takeReadMemory`, all of `bytes` being all that is referred to, it is for the transport to give back.
   */
  sendBody(exchange: Exchange, bytes: Buffer): boolean;
  /** Pieces of up to so many bytes {@link sendBody} copies, whatever it waits for: their memory is free when it returns. */
  readonly copiesUpTo: number;
  /** What was written before waits for the kernel: bodies are not to be sent now, or they would pile up here. */
  readonly isCongested: boolean;
  /** {@link Exchange.onRoom} is called when that is over. */
  awaitRoom(exchange: Exchange): void;
  endBody(exchange: Exchange, trailers: string): void;
  /** The client has used up so many bytes of the response: the endpoint may send as many more. */
  grant(exchange: Exchange, bytes: number): void;
  /**
   * Ends the stream before its time; nothing more is heard of it. `end` is that of the client's connection: 'ended' also where it
   * was closed in the middle of the request.
   */
  abort(exchange: Exchange, end: ConnectionEnd): void;
  /** The client's connection has closed as it should, and the endpoint is still to have the rest of the request. */
  clientLeft(exchange: Exchange): void;
  /** The exchange is over, for whatever reason: forget its stream. */
  finished(exchange: Exchange): void;
  /** It has gone elsewhere, and counts as in flight here no more. Its stream was ended before. */
  moved(): void;
  /**
   * The client wrote views of memory that is read into again after this turn: before that happens it is asked to
   * {@link ExchangeClient.settle}.
   */
  touch(client: ExchangeClient): void;
}

/** How a client's connection came to its end: `ended` and `reset` by the client. */
export type ConnectionEnd = 'closed' | 'ended' | 'reset';

/** The client's side of an exchange: turns messages into the client's own framing. */
export interface ExchangeClient {
  /** The two ends of its connection. */
  readonly peer: Peer;
  /** It came over TLS. */
  readonly isSecure: boolean;
  /** The connection may serve another request after this one. */
  readonly keepsAlive: boolean;
  /** A 1xx head. */
  respondInterim(bytes: Buffer, start: number, end: number): void;
  /**
   * The response's head is [start, headEnd), the body so far [headEnd, end). The head has been checked and is described
   * by the parser it was read with.
   */
  respond(bytes: Buffer, start: number, headEnd: number, end: number, isLast: boolean): void;
  respondBody(bytes: Buffer, start: number, end: number): void;
  respondEnd(trailers: string): void;
  /** No response byte was sent: answer with the outcome's own. */
  respondError(outcome: number): void;
  /** A response was begun, or none may be given: close, so that the client sees it cut short. `isReset`: with a reset. */
  cut(outcome: number, isReset?: boolean): void;
  /** The endpoint took the connection over: bytes both ways from now on. */
  openTunnel(): void;
  /** The endpoint treats the request as an ordinary one: its body may follow. */
  declineTunnel(): void;
  /** All of the body handed over so far is on its way: go on reading. */
  resumeBody(): void;
  /** Ends the corked turn. True when written views are still referred to. */
  settle(): boolean;
  /** The exchange is over. Called once. */
  exchangeDone(): void;
}
