import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** A fast leak gains tens of megabytes a second: looking less often lets it overshoot by as much more. */
const LOOK_EVERY_MS = 1000;

/** Looks at the resident memory of processes. */
export class MemoryWatch {
  readonly #pids: () => readonly number[];
  readonly #onLook: (bytes: ReadonlyMap<number, number>) => void;
  readonly #timer: NodeJS.Timeout;
  #bytes: ReadonlyMap<number, number> = new Map();
  #isLooking = false;

  /** @param onLook hears of each look, by pid */
  constructor(pids: () => readonly number[], onLook: (bytes: ReadonlyMap<number, number>) => void) {
    this.#pids = pids;
    this.#onLook = onLook;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** As of the last look; null for one that was not there then. */
  bytesOf(pid: number): number | null {
    return this.#bytes.get(pid) ?? null;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Looks now, and not only when it is time. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const seen = new Map<number, number>();
    for (const pid of this.#pids()) {
      const bytes = await residentBytes(pid);
      if (bytes !== null) seen.set(pid, bytes);
    }
    this.#bytes = seen;
    this.#isLooking = false;
    this.#onLook(seen);
  }
}

/** Resident memory of a process; null when it has none any more. */
export async function residentBytes(pid: number): Promise<number | null> {
  const kibibytes = process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
  return kibibytes === null ? null : kibibytes * 1024;
}

async function fromProc(pid: number): Promise<number | null> {
  try {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'latin1'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}

function fromPs(pid: number): Promise<number | null> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (error, stdout) => {
      const value = Number.parseInt(stdout, 10);
      resolve(error !== null || Number.isNaN(value) ? null : value);
    });
  });
}
