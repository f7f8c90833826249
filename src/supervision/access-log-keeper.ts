import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import type { AccessLogOptions } from '../config/options.ts';
import { LOG_FLAGS } from '../observability/log-file.ts';
import type { SupervisorEvent } from './events.ts';

/** How often the file is looked at. It may grow beyond its limit by what is logged in between. */
const LOOK_EVERY_MS = 1_000;

export interface AccessLogKeeperHost {
  /** Balancer threads are to open the file anew. */
  reopen(): void;
  emit(event: SupervisorEvent): void;
}

/**
 * Looks after the file that the balancer threads write to: when it has grown too large it is renamed and begun anew, and
 * when somebody else has renamed or removed it the threads are told. Nothing of that needs a signal.
 */
export class AccessLogKeeper {
  readonly #host: AccessLogKeeperHost;
  readonly #timer: NodeJS.Timeout;
  #options: AccessLogOptions | null;
  #inode: number | null = null;
  #isLooking = false;
  /** Balancer threads that cannot write. */
  readonly #failing = new Set<number>();

  constructor(options: AccessLogOptions | null, host: AccessLogKeeperHost) {
    this.#options = options;
    this.#host = host;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  configure(options: AccessLogOptions | null): void {
    if (options?.file !== this.#options?.file) this.#inode = null;
    this.#options = options;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Why a thread cannot write, null = it can again. All write to one file, and fail at it for one reason: that is told once. */
  threadSaid(thread: number, reason: string | null): void {
    const before = this.#failing.size > 0;
    if (reason === null) this.#failing.delete(thread);
    else this.#failing.add(thread);
    const after = this.#failing.size > 0;
    if (!before && reason !== null) this.#host.emit({ type: 'access-log-failed', reason });
    else if (before && !after) this.#host.emit({ type: 'access-log-works' });
  }

  /** Looks now, and not only when it is time. */
  async look(): Promise<void> {
    const options = this.#options;
    if (this.#isLooking || options === null || options.file === null) return;
    this.#isLooking = true;
    try {
      const facts = await stat(options.file);
      // Of a pipe or a device there is nothing to rename; a pipe can be opened once somebody reads it.
      if (!facts.isFile()) {
        if (this.#failing.size > 0) this.#host.reopen();
        return;
      }
      // Also where nobody has looked before: it may have been renamed since it was opened.
      const isOther = this.#inode !== facts.ino;
      this.#inode = facts.ino;
      if (options.maxBytes > 0 && facts.size > options.maxBytes) await this.#rotate(options.file, options.keep);
      else if (isOther) this.#host.reopen();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#reopen();
    } finally {
      this.#isLooking = false;
    }
  }

  /** `access.log` -> `access.log.1` -> `access.log.2`; those beyond the number that is kept go. */
  async #rotate(file: string, keep: number): Promise<void> {
    if (keep > 0) await rm(`${file}.${keep}`, { force: true });
    for (let n = keep - 1; n >= 1; n--) await rename(`${file}.${n}`, `${file}.${n + 1}`).catch(ignoreMissing);
    if (keep === 0) await rm(file, { force: true });
    else await rename(file, `${file}.1`);
    this.#reopen();
  }

  #reopen(): void {
    this.#inode = null;
    this.#host.reopen();
  }
}

/** @throws Error when the file cannot be written to: better told at the start than when the first request is lost */
export function checkLogFile(options: AccessLogOptions | null): void {
  if (options === null || options.file === null) return;
  try {
    // Who reads a pipe would take this for its end.
    if (statSync(options.file, { throwIfNoEntry: false })?.isFIFO()) accessSync(options.file, constants.W_OK);
    else closeSync(openSync(options.file, LOG_FLAGS, 0o640));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`the access log cannot be written: ${options.file}: ${code ?? message}`);
  }
}

/** Writes lines of the access log to stdout, and says when they are out, so that no more than a bound is under way. */
export function writeLines(stream: Writable, lines: Uint8Array, onWritten: (bytes: number) => void): void {
  // The callback comes with an error, too: whoever read it has gone, and what there is to be written is dropped.
  stream.write(lines, () => onWritten(lines.length));
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
