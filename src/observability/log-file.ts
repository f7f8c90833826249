import { close, closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { setTimeout } from '../core/timers.ts';
import type { LogSink } from './access-log.ts';

/** Readable for the owner and the group, as logs are wont to be. */
const MODE = 0o640;
/** How long a pipe that is full is left to its reader. */
const FULL_PIPE_MS = 20;
const LINE_END = Buffer.from('\n');

/** Appending. A pipe that nobody reads says so: opening it would hold up the whole thread otherwise. fifo(7) */
export const LOG_FLAGS: number = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * A file that lines are appended to, one write at a time. Several threads may append to one file: what one write holds
 * stays together.
 */
export class LogFile implements LogSink {
  readonly #path: string;
  /** Hears at first whether it can be written (null), then when that fails, and when it works again. */
  readonly #onFailure: (reason: string | null) => void;
  #fd: number | null = null;
  #waiting: Buffer[] = [];
  #isWriting = false;
  #isClosing = false;
  /** null = not known yet. */
  #hasFailed: boolean | null = null;
  /** It cannot be opened where it is to be, and lines go on to where it was. */
  #isElsewhere = false;
  /** The last that was written is the beginning of a line whose rest was lost. */
  #isCut = false;
  #pendingBytes = 0;

  constructor(path: string, onFailure: (reason: string | null) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
    this.#open();
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  write(lines: Buffer): void {
    if (lines.length === 0) return;
    this.#waiting.push(lines);
    this.#pendingBytes += lines.length;
    this.#writeNext();
  }

  /** What is under way is left to the system, which goes on with it when we have ended. */
  flush(): void {
    const waiting = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#pendingBytes -= waiting.length;
    if (this.#fd === null) return;
    try {
      for (let at = 0; at < waiting.length; ) at += writeSync(this.#fd, waiting, at);
    } catch (error) {
      this.#failed(error as NodeJS.ErrnoException);
    }
  }

  reopen(): void {
    const before = this.#fd;
    this.#open();
    // A write that is under way still has the descriptor.
    if (before === null || this.#fd === null || before === this.#fd) return;
    if (!isSameFile(before, this.#fd)) this.#isCut = false;
    if (this.#isWriting) this.#old.push(before);
    else close(before, () => {});
  }

  close(): void {
    this.#isClosing = true;
    if (this.#isWriting || this.#fd === null) return;
    closeSync(this.#fd);
    this.#fd = null;
  }

  /** Descriptors that are closed once nothing is written to them. */
  readonly #old: number[] = [];

  #open(): void {
    try {
      this.#fd = openSync(this.#path, LOG_FLAGS, MODE);
      this.#isElsewhere = false;
      this.#works();
    } catch (error) {
      // Better in the old place than nowhere.
      this.#isElsewhere = this.#fd !== null;
      this.#failed(error as NodeJS.ErrnoException);
    }
  }

  #writeNext(): void {
    if (this.#isWriting || this.#waiting.length === 0) return;
    const lines = Buffer.concat(this.#waiting);
    this.#waiting = [];
    if (this.#fd === null) {
      this.#pendingBytes -= lines.length;
      return;
    }
    this.#isWriting = true;
    if (this.#isCut) this.#writePart(this.#fd, Buffer.concat([LINE_END, lines]), 0, lines.length);
    else this.#writePart(this.#fd, lines, 0, lines.length);
  }

  /** @param pending as many bytes as they were counted as */
  #writePart(fd: number, lines: Buffer, from: number, pending: number): void {
    write(fd, lines, from, (error, bytes) => {
      const at = from + bytes;
      if (error === null && at < lines.length) {
        this.#writePart(fd, lines, at, pending);
        return;
      }
      if (error?.code === 'EAGAIN' && !this.#isClosing) {
        setTimeout(() => this.#writePart(fd, lines, from, pending), FULL_PIPE_MS).unref();
        return;
      }
      this.#isWriting = false;
      this.#pendingBytes -= pending;
      if (error === null) this.#isCut = false;
      else if (from > 0) this.#isCut = lines[from - 1] !== LINE_END[0];
      for (const old of this.#old.splice(0)) close(old, () => {});
      if (error !== null) this.#failed(error);
      else if (!this.#isElsewhere) this.#works();
      if (this.#isClosing) this.close();
      else this.#writeNext();
    });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#hasFailed === true) return;
    this.#hasFailed = true;
    const what = this.#isElsewhere ? 'its lines go on to where it was' : 'its lines are lost';
    this.#onFailure(`${this.#path}: ${error.code ?? error.message}; ${what}`);
  }

  #works(): void {
    if (this.#hasFailed === false) return;
    this.#hasFailed = false;
    this.#onFailure(null);
  }
}

function isSameFile(one: number, other: number): boolean {
  const [a, b] = [fstatSync(one), fstatSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}
