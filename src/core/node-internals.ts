/**
 * What Node has but its types do not name. Everything here exists unchanged in Node 20, 22, 24 and 26, and the tests run
 * on all four; nothing else of Node's insides may be touched without being added to this list.
 */
declare global {
  interface Buffer {
    /** What toString('latin1') calls, without the look-up of the encoding (about 30 ns a call). */
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
    utf8Write(text: string, offset?: number, length?: number): number;
  }
}

/** The part of a socket's handle that we call. */
export interface StreamHandle {
  /** Reads go into this memory from now on. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  reading: boolean;
  /** Bytes written and not yet taken by the kernel. */
  readonly writeQueueSize: number;
  /** 0, or a negative error number: of a connection that was reset nobody is the other end. Unix sockets have none of it. */
  getpeername?(into: object): number;
}
