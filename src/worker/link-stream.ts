import type { Streamed } from '../link/stream-table.ts';

/** What frames of a stream are handed to. */
export interface LinkStream extends Streamed {
  /** It keeps the process alive. */
  readonly isWanted: boolean;
  /** A piece of the request's body, or of the client's side of a tunnel. The memory is the stream's to keep. */
  onBody(bytes: Buffer): void;
  /** The request, or the client's side of a tunnel, is complete. */
  onRequestEnd(trailers: string[]): void;
  /** The balancer takes so many bytes more. */
  onWindow(bytes: number): void;
  /**
   * The balancer ended the stream, or the client's connection has closed.
   * @param isReset the client reset it
   * @param hasEnded the client ended it, or it was closed in the middle of the request
   */
  onGone(isReset: boolean, hasEnded: boolean): void;
}
