import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../core/is-alive.ts';

/**
 * Longest path of a Unix socket, in bytes. The address holds 108 on Linux and 104 on macOS, with the closing zero
 * (unix(7)); a longer one fails to bind.
 */
const MAX_SOCKET_PATH_BYTES = 103;
/** Younger ones may belong to a supervisor that is only just starting. */
const STALE_AFTER_MS = 60_000;
const PREFIX = 'evener-';

/** A private folder for the sockets between the supervisor's threads and its workers. Mode 0700; gone at the end. */
export class RuntimeDirectory {
  readonly path: string;

  /**
   * Made in XDG_RUNTIME_DIR, else in the folder for temporary files, else, where those are not there or have long names or no
   * room, in /tmp.
   */
  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.path = create([env.XDG_RUNTIME_DIR, tmpdir(), '/tmp']);
  }

  linkPath(thread: number): string {
    return linkPath(this.path, thread);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Removes what supervisors that were killed have left in a folder: ours, old enough, and nobody answers in there. */
export async function removeStaleDirectories(base: string): Promise<void> {
  for (const name of readNames(base)) {
    const pid = /^evener-(\d+)-\w{6}$/.exec(name)?.[1];
    const path = join(base, name);
    if (pid === undefined || isAlive(Number(pid)) || !isOldAndOurs(path)) continue;
    // The pid says nothing about a supervisor in another pid namespace that shares this folder; its socket does.
    if (!(await accepts(linkPath(path, 0)))) rmSync(path, { recursive: true, force: true });
  }
}

function create(bases: readonly (string | undefined)[]): string {
  let failure: unknown;
  for (const base of bases) {
    if (base === undefined || base === '') continue;
    const stem = join(base, `${PREFIX}${process.pid}-`);
    if (Buffer.byteLength(linkPath(`${stem}XXXXXX`, 99)) > MAX_SOCKET_PATH_BYTES) continue;
    try {
      const path = mkdtempSync(stem);
      if (hasRoom(path)) return path;
      failure = new Error(`no room for a file in ${base}; TMPDIR may name another folder`);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** On a full disk a folder may be made where nothing can be written to a file. @returns false, and it is gone */
function hasRoom(path: string): boolean {
  const file = join(path, 'room');
  try {
    writeFileSync(file, 'room');
    rmSync(file);
    return true;
  } catch {
    rmSync(path, { recursive: true, force: true });
    return false;
  }
}

function linkPath(folder: string, thread: number): string {
  return join(folder, `link-${thread}.sock`);
}

function readNames(base: string): string[] {
  try {
    return readdirSync(base);
  } catch {
    return [];
  }
}

function isOldAndOurs(path: string): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined || !facts.isDirectory() || facts.uid !== process.getuid?.()) return false;
  return Date.now() - facts.mtimeMs > STALE_AFTER_MS;
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
