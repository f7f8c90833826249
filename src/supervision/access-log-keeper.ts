import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
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
  /** It is too large, and cannot be renamed. */
  #isStuck = false;

  constructor(options: AccessLogOptions | null, host: AccessLogKeeperHost) {
    this.#options = options;
    this.#host = host;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  configure(options: AccessLogOptions | null): void {
    if (options?.file !== this.#options?.file) {
      this.#inode = null;
      this.#isStuck = false;
      // Threads say of the new one what they find.
      this.#failing.clear();
    }
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
      const facts = await stat(options.file).catch(() => null);
      if (facts === null) {
        // Gone, or out of sight: threads that open it anew find out which, and tell it.
        this.#reopen();
      } else if (!facts.isFile()) {
        // Of a pipe or a device there is nothing to rename; a pipe can be opened once somebody reads it.
        if (this.#failing.size > 0) this.#host.reopen();
      } else {
        // Also where nobody has looked before: it may have been renamed since it was opened.
        const isOther = this.#inode !== facts.ino;
        this.#inode = facts.ino;
        const isTooLarge = options.maxBytes > 0 && facts.size > options.maxBytes;
        const failure = isTooLarge ? await failureToRotate(options.file, options.keep) : null;
        this.#rotationSaid(failure);
        if (isTooLarge && failure === null) this.#reopen();
        else if (isOther) this.#host.reopen();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  #rotationSaid(failure: string | null): void {
    const isStuck = failure !== null;
    if (isStuck === this.#isStuck) return;
    this.#isStuck = isStuck;
    if (isStuck) this.#host.emit({ type: 'access-log-rotation-failed', reason: failure });
    else this.#host.emit({ type: 'access-log-rotation-works' });
  }

  #reopen(): void {
    this.#inode = null;
    this.#host.reopen();
  }
}

/**
 * `access.log` -> `access.log.1` -> `access.log.2`, as far as there is one in the way; the oldest beyond the number that is kept goes.
 * So none is moved, and lost in the end, by a try after one that got no further than those.
 */
async function rotate(file: string, keep: number): Promise<void> {
  if (keep === 0) {
    await rm(file, { force: true });
    return;
  }
  let free = 1;
  while (free < keep && existsSync(`${file}.${free}`)) free++;
  for (let n = free; n > 1; n--) await rename(`${file}.${n - 1}`, `${file}.${n}`).catch(ignoreMissing);
  await rename(file, `${file}.1`).catch(ignoreMissing);
}

/** @returns null where all went well */
async function failureToRotate(file: string, keep: number): Promise<string | null> {
  try {
    await rotate(file, keep);
    return null;
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException;
    return `${path ?? file}: ${code ?? message}`;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
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
