import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
/** What SIGKILL has not ended by then waits for a disk, and nobody waits for that. */
const DEATH_LIMIT_MS = 1_000;

/** Sends a signal to a process and all its descendants that stayed in its group. False when there is none left. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/**
 * Whether a group has a member that still runs. Members that ended and wait for a parent to take note of them do not
 * count: as the first process of a container we may be that parent, and Node takes note only of children it started.
 */
export function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return process.platform === 'linux' ? hasRunningMember(pid) : true;
}

/**
 * Sees a group out whose leader has exited: waits, then SIGKILL, which takes the kernel a moment on a busy machine.
 * @param killAtMs until when the rest may take; asked for again and again, since it may change
 */
export async function sweepGroup(pid: number, killAtMs: () => number): Promise<void> {
  let endMs = Number.POSITIVE_INFINITY;
  while (isGroupAlive(pid) && performance.now() < endMs) {
    if (endMs === Number.POSITIVE_INFINITY && performance.now() >= killAtMs()) {
      signalGroup(pid, 'SIGKILL');
      endMs = performance.now() + DEATH_LIMIT_MS;
    }
    await sleep(POLL_MS);
  }
}

/**
 * `/proc/<pid>/stat` is `pid (name) state ppid pgrp ...`; the name may hold anything, so count from its last bracket. Where it
 * cannot be read (no descriptor is left, there is no /proc) somebody of the group may run.
 */
function hasRunningMember(group: number): boolean {
  try {
    return readdirSync('/proc').some((entry) => {
      const stat = /^\d+$/.test(entry) ? statOf(entry) : null;
      if (stat === null) return false;
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(pgrp) === group && state !== 'Z' && state !== 'X';
    });
  } catch {
    return true;
  }
}

/** @returns null for a process that ended between the listing and the reading. @throws Error where it cannot be told */
function statOf(pid: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}
