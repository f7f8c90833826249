import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  type Stats,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { accepts, cardIn, controlSocketIn, ownDirectory } from '../control/instance.ts';
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

  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.path = create(runtimeBases(env));
  }

  linkPath(thread: number): string {
    return linkPath(this.path, thread);
  }

  /** Whether all is there by which workers and commands find us. */
  isWhole(linkPaths: readonly string[]): boolean {
    return [cardIn(this.path), controlSocketIn(this.path), ...linkPaths].every((path) => existsSync(path));
  }

  /**
   * Makes it again, empty, if it is not there.
   * @throws Error where that cannot be, or another user has made one of its name
   */
  restore(): void {
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (ownDirectory(this.path) === null) throw new Error(`${this.path} belongs to another user`);
  }

  /** Makes it, and what is in it, look young. */
  freshen(): void {
    const now = new Date();
    for (const path of [this.path, ...readNames(this.path).map((name) => join(this.path, name))]) {
      try {
        utimesSync(path, now, now);
      } catch {
        // It has gone meanwhile.
      }
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Where it may be made, the best first: in XDG_RUNTIME_DIR, else in the folder for temporary files, else, where those are not there
 * or have long names or no room, in /tmp, or /dev/shm, which containers have whose file system is read-only. That of a login comes
 * last: it goes when the user logs out, and we stay (pam_systemd(8)).
 */
export function runtimeBases(env: Readonly<Record<string, string | undefined>>): string[] {
  const { XDG_RUNTIME_DIR: named = '' } = env;
  const others = [tmpdir(), '/tmp', '/dev/shm'];
  if (named === '') return others;
  const isOfLogin = resolve(named) === `/run/user/${process.getuid?.()}`;
  return isOfLogin ? [...others, named] : [named, ...others];
}

/** Removes what supervisors that were killed have left in a folder: ours, old enough, and nobody answers in there. */
export async function removeStaleDirectories(base: string): Promise<void> {
  for (const name of readNames(base)) {
    const pid = /^evener-(\d+)-\w{6}$/.exec(name)?.[1];
    const path = join(base, name);
    if (pid === undefined || isAlive(Number(pid))) continue;
    const facts = ownDirectory(path);
    if (facts === null || !isOld(facts)) continue;
    // The pid says nothing about a supervisor in another pid namespace that shares this folder; its socket does.
    if (!(await accepts(linkPath(path, 0)))) removeIfPossible(path);
  }
}

/** Another instance may be at it as well, or something in it be another user's; nobody waits for what would be thrown. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It stays.
  }
}

function create(bases: readonly string[]): string {
  const reasons = new Map<string, string>();
  for (const base of bases) {
    const stem = join(base, `${PREFIX}${process.pid}-`);
    if (Buffer.byteLength(linkPath(`${stem}XXXXXX`, 99)) > MAX_SOCKET_PATH_BYTES) continue;
    try {
      const path = mkdtempSync(stem);
      if (hasRoom(path)) return path;
      reasons.set(base, 'no room for a file');
    } catch (error) {
      reasons.set(base, (error as NodeJS.ErrnoException).code ?? String(error));
    }
  }
  const why = [...reasons].map(([base, reason]) => `${base} (${reason})`).join(', ');
  throw new Error(`no folder for its sockets can be made in ${why}; TMPDIR may name another place`);
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

function isOld({ mtimeMs }: Stats): boolean {
  return Date.now() - mtimeMs > STALE_AFTER_MS;
}
