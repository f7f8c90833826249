import type { LogSink } from './access-log.ts';

/**
 * Lines on their way to stdout, by the main thread: it alone writes there, so that lines of workers and of this log do not
 * get into one another.
 */
export class LogRelay implements LogSink {
  readonly #send: (lines: Uint8Array) => void;
  #pendingBytes = 0;

  /** @param send hands them to the main thread, which says by {@link written} that they are out */
  constructor(send: (lines: Uint8Array) => void) {
    this.#send = send;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(lines: Buffer): void {
    if (lines.length === 0) return;
    this.#pendingBytes += lines.length;
    this.#send(lines);
  }

  written(bytes: number): void {
    this.#pendingBytes = Math.max(0, this.#pendingBytes - bytes);
  }

  flush(): void {}
  reopen(): void {}
  close(): void {}
}
